import { ActionIcon, CopyButton, VisuallyHidden } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import classes from "./Identifier.module.css";

interface Props {
  /** What it is the id of, such as "conversation ID". */
  label: string;
  id: string;
}

/** An id and a button that copies it: seen on hover and focus, and always where one touches. */
export function Identifier({ label, id }: Props) {
  return (
    <span className={classes.root}>
      <span className={classes.id}>{id}</span>
      <CopyButton value={id} timeout={2000}>
        {({ copied, copy }) => (
          <>
            <ActionIcon
              className={classes.copy}
              data-copied={copied || undefined}
              variant="subtle"
              size="1.5rem"
              color={copied ? "teal" : "gray"}
              aria-label={`Copy the ${label} ${id}`}
              title={copied ? "Copied" : "Copy"}
              onClick={copy}
            >
              {copied ? <IconCheck size="1rem" /> : <IconCopy size="1rem" />}
            </ActionIcon>
            <VisuallyHidden role="status">{copied && "Copied"}</VisuallyHidden>
          </>
        )}
      </CopyButton>
    </span>
  );
}
