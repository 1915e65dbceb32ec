import { Button, Stack, Title } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef } from "react";
import classes from "./Step.module.css";

interface Props {
  title: string;
  onBack: () => void;
  isBusy?: boolean;
  children: ReactNode;
}

/** A step after the first one of a dialog: whoever gets here by keyboard begins at its title. */
export function Step({ title, onBack, isBusy = false, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <Stack gap="md" className={classes.root}>
      <div>
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconArrowLeft size="1rem" aria-hidden />}
          disabled={isBusy}
          onClick={onBack}
        >
          All plans
        </Button>
      </div>
      <Title order={3} size="h4" ref={heading} tabIndex={-1}>
        {title}
      </Title>
      {children}
    </Stack>
  );
}
