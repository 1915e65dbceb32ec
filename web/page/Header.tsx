import { Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Appearance } from "./Appearance";
import classes from "./Header.module.css";

/** What the page is, and beside it who sees it, and which workspace. */
export function Header({ children }: { children?: ReactNode }) {
  return (
    <header className={classes.header}>
      <div>
        <Title order={1} size="h2">
          Subscription and Credits
        </Title>
        <Text c="dimmed">Review plan status, manage plans, and buy credits</Text>
      </div>
      <div className={classes.controls}>
        {children}
        <Appearance />
      </div>
    </header>
  );
}
