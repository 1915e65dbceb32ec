import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Dialog.module.css";
import { useClosedByGoingBack } from "./goingBack";

interface Props {
  title: string;
  opened: boolean;
  onClose: () => void;
  /** Whether something is asked for: until it is answered, the dialog is not left. */
  isBusy: boolean;
  size?: string;
  fullScreen?: boolean;
  children: ReactNode;
}

/** A dialog in which something is asked for that costs money. Going back closes it. */
export function Dialog({ onClose, isBusy, children, ...looks }: Props) {
  useClosedByGoingBack(looks.opened && !isBusy, onClose);
  return (
    <Modal
      {...looks}
      classNames={{ title: classes.title }}
      onClose={onClose}
      closeOnClickOutside={!isBusy}
      closeOnEscape={!isBusy}
      closeButtonProps={{ "aria-label": "Close", disabled: isBusy }}
    >
      {children}
    </Modal>
  );
}
