import { Alert, Button, Stack, Text } from "@mantine/core";
import { useFocusReturn } from "@mantine/hooks";
import { type ReactNode, Suspense, useState } from "react";
import { ErrorBoundary } from "./ErrorBoundary";

interface Props {
  isOpened: boolean;
  children: ReactNode;
  /** What is there until it is loaded. */
  waiting?: ReactNode;
}

/** Loads a dialog when it is opened first, and lets it be from then on: it closes by itself. */
export function OnceOpened({ isOpened, children, waiting = null }: Props) {
  const [wasOpened, setWasOpened] = useState(false);
  if (isOpened && !wasOpened) setWasOpened(true);
  // A dialog that is opened as soon as it is there does not know where the focus was before.
  useFocusReturn({ opened: isOpened });
  return (
    wasOpened && (
      <ErrorBoundary fallback={<NotLoaded />}>
        <Suspense fallback={waiting}>{children}</Suspense>
      </ErrorBoundary>
    )
  );
}

/** A part that was not loaded stays so until the whole page is: there may be a newer one. */
function NotLoaded() {
  return (
    <Alert color="red" title="This could not be opened">
      <Stack gap="sm" align="flex-start">
        <Text size="sm">You may be offline, or this page may be of an older version.</Text>
        <Button size="xs" variant="default" onClick={() => location.reload()}>
          Load the page again
        </Button>
      </Stack>
    </Alert>
  );
}
