import { Button, Group, List, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { formatCount, formatDate } from "../locale";
import { RefusalNotice } from "../requests/RefusalNotice";
import type { Held } from "./held";
import type { Option } from "./option";
import { Step } from "./Step";
import type { PlanSwitch } from "./usePlanSwitch";

/** The credits of a workspace by what becomes of them on Free. */
export interface Credits {
  recurring: number;
  purchased: number;
  granted: number;
}

interface Props {
  held: Held;
  option: Option;
  credits: Credits;
  planSwitch: PlanSwitch;
  /** Says that a payment waits, where one does. */
  waiting: ReactNode;
}

/** Says what downgrading to Free does to the plan and to the credits, and asks to confirm it. */
export function FreeConfirmation({ held, option, credits, planSwitch, waiting }: Props) {
  const confirm = () => void planSwitch.send(option);
  const end = held.currentPeriodEnd ? formatDate(held.currentPeriodEnd) : "the end of its period";
  return (
    <Step
      title={`Downgrade to ${option.plan.name}`}
      isBusy={planSwitch.busyWith !== null}
      onBack={planSwitch.back}
    >
      {waiting}
      <Text>
        {held.plan.name} stays active until {end}. It is paid until then, and does not renew.
      </Text>
      <List spacing="xs" size="sm">
        <List.Item>
          What is left of the plan&rsquo;s credits on {end} expires. Now that is{" "}
          {formatCount(credits.recurring)}.
        </List.Item>
        <List.Item>
          Credits that you have bought stay: {formatCount(credits.purchased)}. You can buy more only
          on a paid plan.
        </List.Item>
        {credits.granted > 0 && (
          <List.Item>
            Credits that you were granted stay as they are: {formatCount(credits.granted)}.
          </List.Item>
        )}
        <List.Item>
          {option.plan.refreshes
            ? `From then on you have ${formatCount(option.plan.creditsPerRefresh)} credits a month.`
            : `${option.plan.name} brings no more credits to you from then on.`}
        </List.Item>
        <List.Item>Plans that are paid once end by themselves when their period ends.</List.Item>
        {held.pendingChange && (
          <List.Item>The change to {held.pendingChange.plan.name} is not made.</List.Item>
        )}
        <List.Item>Until {end} you can undo this.</List.Item>
      </List>
      <RefusalNotice refusal={planSwitch.refusal} onRetry={confirm} />
      <Group>
        <Button color="red.9" loading={planSwitch.busyWith !== null} onClick={confirm}>
          Downgrade on {end}
        </Button>
      </Group>
    </Step>
  );
}
