import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import type { CombinedError } from "urql";
import { formatDate, formatMoment, formatMoney } from "../locale";
import { RefusalNotice } from "../requests/RefusalNotice";
import { type Refusal, refusalIn } from "../requests/refusals";
import { FailureNotice } from "../states/FailureNotice";
import { LoadingState } from "../states/LoadingState";
import type { Held } from "./held";
import { labelOfPlan } from "./labels";
import type { Option } from "./option";
import { PortalButton } from "./PortalButton";
import { Step } from "./Step";
import { TermsFacts } from "./TermsFacts";
import { type News, type Terms, useTerms } from "./terms";
import type { PlanSwitch } from "./usePlanSwitch";

interface Props {
  workspaceId: string;
  held: Held;
  option: Option;
  planSwitch: PlanSwitch;
  /** Says that another payment waits, where one does. */
  waiting: ReactNode;
}

/** Shows what a switch costs and brings, and makes just that; new terms are said to be new. */
export function SwitchConfirmation({ workspaceId, held: heldNow, ...props }: Props) {
  const { option, planSwitch, waiting } = props;
  const [held] = useState(heldNow); // what the terms were asked for
  const { terms, error, isAsking, news, ask, renew } = useTerms(workspaceId, option);
  const { busyWith, send } = planSwitch;
  const isStale = planSwitch.refusal?.code === "PREVIEW_EXPIRED";
  const refusal = isStale ? null : planSwitch.refusal;

  const confirm = async () => {
    if (!terms) return;
    const sent = await send(option, terms.token);
    if (sent.newTerms) renew(sent.newTerms);
    else if (sent.refusal?.code === "PREVIEW_EXPIRED") await ask();
  };
  return (
    <Step
      title={`Switch to ${labelOfPlan(option.plan.name, option.billingCycle)}`}
      isBusy={busyWith !== null}
      onBack={planSwitch.back}
    >
      {!terms && !error && <LoadingState label="Asking what is due" />}
      {waiting}
      {news && <NewsNotice news={news} />}
      {terms && <TermsFacts terms={terms} option={option} held={held} />}
      {terms && <Replaced held={held} />}
      {error && <PreviewFailure error={error} onRetry={ask} />}
      <RefusalNotice refusal={refusal} onRetry={confirm}>
        {refusal?.code === "PAYMENT_DECLINED" && (
          <PortalButton workspaceId={workspaceId} disabled={false} />
        )}
      </RefusalNotice>
      {terms && !isFinal(refusal) && (
        <Confirmation terms={terms} isBusy={busyWith !== null || isAsking} onConfirm={confirm} />
      )}
    </Step>
  );
}

/** Whether it is of no use to confirm once more; a declined card can be another one by then. */
function isFinal(refusal: Refusal | null): boolean {
  return refusal !== null && !refusal.canRetry && refusal.code !== "PAYMENT_DECLINED";
}

interface ConfirmationProps {
  terms: Terms;
  isBusy: boolean;
  onConfirm: () => void;
}

function Confirmation({ terms, isBusy, onConfirm }: ConfirmationProps) {
  const { amountDue, expiresAt } = terms;
  return (
    <Stack gap="xs">
      <Group>
        <Button loading={isBusy} onClick={onConfirm}>
          {amountDue.amountMinor > 0
            ? `Pay ${formatMoney(amountDue)} and switch`
            : "Confirm the switch"}
        </Button>
      </Group>
      <Text size="sm" c="dimmed">
        You can confirm this until {formatMoment(expiresAt)}.
      </Text>
    </Stack>
  );
}

function NewsNotice({ news }: { news: News }) {
  const isChanged = news === "changed";
  return (
    <Alert
      color="blue"
      icon={<IconInfoCircle aria-hidden />}
      title={isChanged ? "The amounts have changed" : "The offer was renewed"}
    >
      {isChanged
        ? "Nothing was charged. Look at the new amounts before you confirm."
        : "Nothing was charged. The amounts are the same as before."}
    </Alert>
  );
}

function Replaced({ held: { pendingChange } }: { held: Held }) {
  if (!pendingChange) return null;
  const name = labelOfPlan(pendingChange.plan.name, pendingChange.billingCycle);
  return (
    <Text size="sm">
      This takes the place of the change to {name} on {formatDate(pendingChange.effectiveAt)}.
    </Text>
  );
}

function PreviewFailure({ error, onRetry }: { error: CombinedError; onRetry: () => void }) {
  const refusal = refusalIn(error);
  if (refusal) return <RefusalNotice refusal={refusal} onRetry={onRetry} />;
  return <FailureNotice error={error} onRetry={onRetry} />;
}
