import { Alert, Button, Group, Loader, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconExternalLink } from "@tabler/icons-react";
import { useEffect, useEffectEvent } from "react";
import { trusted } from "../checkout/addresses";
import { formatMoment } from "../locale";
import { RefusalNotice } from "../requests/RefusalNotice";
import { PAGE_NOT_TRUSTED } from "../requests/refusals";
import { useArrival } from "./arrival";
import { labelOfPlan } from "./labels";
import type { Option } from "./option";
import { Step } from "./Step";
import { useIsPast } from "./waiting";

interface Props {
  workspaceId: string;
  before: string;
  option: Option;
  url: string;
  expiresAt: string;
  onBack: () => void;
  onDone: () => void;
}

/** Sends the person to their bank's question in a tab of its own, and waits here for the plan. */
export function Authentication({ workspaceId, before, option, url, expiresAt, ...on }: Props) {
  const href = trusted(url);
  const { arrived } = useArrival(workspaceId, before);
  const finish = useEffectEvent(() => {
    const name = labelOfPlan(option.plan.name, option.billingCycle);
    notifications.show({ color: "teal", title: `You are on ${name}`, message: PAID });
    on.onDone();
  });
  useEffect(() => {
    if (arrived) finish();
  }, [arrived]);
  const isPast = useIsPast(expiresAt);
  if (isPast) {
    return (
      <Step title="The time to confirm the payment is over" onBack={on.onBack}>
        <Text>
          It was not confirmed until {formatMoment(expiresAt)}: the switch is not made, and nothing
          is charged.
        </Text>
        <Group>
          <Button onClick={on.onBack}>Choose a plan again</Button>
        </Group>
      </Step>
    );
  }
  return (
    <Step title="Your bank asks you to confirm the payment" onBack={on.onBack}>
      <Text>
        The payment is not made yet, and your plan is as it was. Confirm it on the page of the
        payment provider, which opens in a new tab. If you do not until {formatMoment(expiresAt)},
        the switch is not made and nothing is charged.
      </Text>
      {href === null ? (
        <RefusalNotice refusal={PAGE_NOT_TRUSTED} />
      ) : (
        <Group>
          <Button
            component="a"
            href={href}
            target="_blank"
            rel="noopener noreferrer"
            rightSection={<IconExternalLink size="1rem" aria-hidden />}
          >
            Confirm the payment (opens in a new tab)
          </Button>
        </Group>
      )}
      <Alert role="status" color="blue" icon={<Loader size="1rem" aria-hidden />}>
        Waiting for your confirmation. This page goes on by itself. If your bank refuses, you can
        confirm the payment once more, or go back to all plans.
      </Alert>
    </Step>
  );
}

const PAID = "Your payment is confirmed, and the new plan is in effect.";
