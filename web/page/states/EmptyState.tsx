import { Stack, Text, ThemeIcon } from "@mantine/core";
import { IconInbox } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./EmptyState.module.css";

interface Props {
  title: string;
  children?: ReactNode;
  /** What stands for it; a decoration. */
  icon?: ReactNode;
}

/** Says that there is nothing, why, and what to do about it. */
export function EmptyState({ title, children, icon = <IconInbox /> }: Props) {
  return (
    <Stack className={classes.root} gap="xs" align="center">
      <ThemeIcon variant="light" color="gray" size="xl" radius="xl" aria-hidden>
        {icon}
      </ThemeIcon>
      <Text fw={600}>{title}</Text>
      {children !== undefined && (
        <Text component="div" size="sm" c="dimmed" className={classes.explanation}>
          {children}
        </Text>
      )}
    </Stack>
  );
}
