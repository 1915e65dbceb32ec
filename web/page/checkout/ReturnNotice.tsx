import { Alert, Loader } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconInfoCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./ReturnNotice.module.css";

/** How far it is: on its way, done, not done, or nothing to be glad or sorry about. */
export type NoticeKind = "waiting" | "done" | "failed" | "neutral";

const COLORS: Record<NoticeKind, string> = {
  waiting: "blue",
  done: "teal",
  failed: "red",
  neutral: "gray",
};

const ICONS: Record<NoticeKind, ReactNode> = {
  waiting: <Loader size="1.25rem" aria-hidden />,
  done: <IconCircleCheck aria-hidden />,
  failed: <IconAlertTriangle aria-hidden />,
  neutral: <IconInfoCircle aria-hidden />,
};

interface Props {
  kind: NoticeKind;
  title: string;
  onClose: () => void;
  children: ReactNode;
}

/** Tells what became of a checkout, and is read out whenever it tells something else. */
export function ReturnNotice({ kind, title, onClose, children }: Props) {
  return (
    <Alert
      role="status"
      color={COLORS[kind]}
      classNames={{ title: classes.title }}
      icon={ICONS[kind]}
      title={title}
      withCloseButton
      closeButtonLabel="Put this away"
      onClose={onClose}
    >
      {children}
    </Alert>
  );
}
