import { Group, Text } from "@mantine/core";
import { type ReactNode, useId } from "react";
import classes from "./Actions.module.css";
import type { PermissionReason } from "./gql/graphql";
import { REASONS } from "./workspace/labels";

interface Props {
  /** What the actions are about, for those who do not see them side by side. */
  label: string;
  /** Why they are disabled; null when they are not. */
  reason: PermissionReason | null;
  children: ReactNode;
}

/** Buttons side by side, with the reason beside them when they are disabled. */
export function Actions({ label, reason, children }: Props) {
  const id = useId();
  return (
    <Group
      className={classes.actions}
      gap="xs"
      align="flex-start"
      role="group"
      aria-label={label}
      aria-describedby={reason ? id : undefined}
    >
      {children}
      {reason && (
        <Text id={id} size="sm" c="dimmed" w="100%">
          {REASONS[reason]}
        </Text>
      )}
    </Group>
  );
}
