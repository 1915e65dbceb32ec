import { Alert, Button, Stack, Text } from "@mantine/core";
import { type ReactNode, Suspense, useState } from "react";
import { ErrorBoundary } from "./ErrorBoundary";

interface Props {
  isOpened: boolean;
  children: ReactNode;
}

/** Loads a dialog when it is opened first, and lets it be from then on: it closes by itself. */
export function OnceOpened({ isOpened, children }: Props) {
  const [wasOpened, setWasOpened] = useState(false);
  if (isOpened && !wasOpened) setWasOpened(true);
  return (
    wasOpened && (
      <ErrorBoundary fallback={<NotLoaded />}>
        <Suspense fallback={null}>{children}</Suspense>
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
