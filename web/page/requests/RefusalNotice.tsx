import { Alert, Button, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Refusal } from "./refusals";

interface Props {
  refusal: Refusal | null;
  /** Asks for the very same once more; shown where that may help. */
  onRetry?: () => void;
  /** What else can be done about it, such as a way to the customer portal. */
  children?: ReactNode;
}

/** Tells a person why what they asked for was not done. It is read out when it appears. */
export function RefusalNotice({ refusal, onRetry, children }: Props) {
  if (!refusal) return null;
  return (
    <Alert color="red" title={refusal.title} icon={<IconAlertTriangle aria-hidden />}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{refusal.advice}</Text>
        {refusal.canRetry && onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
        {children}
      </Stack>
    </Alert>
  );
}
