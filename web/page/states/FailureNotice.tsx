import { Alert, Button, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconPlugConnectedX, IconWifiOff } from "@tabler/icons-react";
import type { CombinedError } from "urql";
import { type Failure, failureOf } from "../client/failure";

const TITLES: Record<Failure, string> = {
  offline: "You are offline",
  unreachable: "The billing service does not answer",
  "session-over": "Your session is over",
  refused: "You cannot see this",
  failed: "Something went wrong",
};

const ADVICE: Record<Failure, string> = {
  offline: "This is asked for again as soon as you are back online.",
  unreachable: "It may be restarting. Nothing is lost: try again in a moment.",
  "session-over": "Open this page from the product again to go on.",
  refused: "Your role in this workspace does not include it. Ask an owner or an admin.",
  failed: "Nothing was changed. Try again; if it happens again, tell your support.",
};

const ICONS: Record<Failure, typeof IconWifiOff> = {
  offline: IconWifiOff,
  unreachable: IconPlugConnectedX,
  "session-over": IconAlertTriangle,
  refused: IconAlertTriangle,
  failed: IconAlertTriangle,
};

interface Props {
  error: CombinedError;
  onRetry: () => void;
}

/** Says why something is not there, and asks again; the page does so when the network is back. */
export function FailureNotice({ error, onRetry }: Props) {
  const failure = failureOf(error);
  const Icon = ICONS[failure];
  return (
    <Alert
      color={failure === "offline" ? "gray" : "red"}
      title={TITLES[failure]}
      icon={<Icon aria-hidden />}
    >
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{ADVICE[failure]}</Text>
        {failure === "failed" && <Reasons error={error} />}
        {canBeRetried(failure) && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** What the gateway says about it, each thing once. */
function Reasons({ error }: { error: CombinedError }) {
  const reasons = new Set(error.graphQLErrors.map(({ message }) => message));
  return [...reasons].map((reason) => (
    <Text key={reason} size="sm" c="dimmed">
      {reason}
    </Text>
  ));
}

function canBeRetried(failure: Failure): boolean {
  return failure !== "session-over" && failure !== "refused";
}
