import { Text } from "@mantine/core";
import classes from "./LongText.module.css";

interface Props {
  children: string;
  /** What else is to be said of it; the whole text unless given. */
  title?: string;
  /** What stands there for a text of nothing, or of spaces. */
  empty?: string;
}

/** Text that somebody wrote, of any length: a word of it may be as long as it likes. */
export function LongText({ children, title = children, empty }: Props) {
  return (
    <Text className={classes.text} lineClamp={3} title={title}>
      {children.trim() ? (
        children
      ) : (
        <Text span inherit c="dimmed">
          {empty}
        </Text>
      )}
    </Text>
  );
}
