import { Text } from "@mantine/core";
import classes from "./LongText.module.css";

interface Props {
  children: string;
  /** What else is to be said of it; the whole text unless given. */
  title?: string;
}

/** Text that somebody wrote, of any length: a word of it may be as long as it likes. */
export function LongText({ children, title = children }: Props) {
  return (
    <Text className={classes.text} lineClamp={3} title={title}>
      {children}
    </Text>
  );
}
