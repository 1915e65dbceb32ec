import { Alert, Anchor, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { trusted } from "../checkout/addresses";
import { formatMoment } from "../locale";
import type { WaitingPayment } from "./waiting";

/** Says that a payment can still be confirmed, wherever something else may be chosen. */
export function WaitingNotice({ payment }: { payment: WaitingPayment | null }) {
  if (!payment) return null;
  const href = trusted(payment.url);
  return (
    <Alert
      role="note"
      color="yellow"
      title={`A payment for ${payment.name} waits for your bank`}
      icon={<IconAlertTriangle aria-hidden />}
    >
      <Text size="sm">
        Whoever confirms it until {formatMoment(payment.expiresAt)} pays it, and the plan is
        switched.
      </Text>
      {href !== null && (
        <Anchor size="sm" href={href} target="_blank" rel="noopener noreferrer">
          Confirm the payment (opens in a new tab)
        </Anchor>
      )}
    </Alert>
  );
}
