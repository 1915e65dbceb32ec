import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useClient } from "urql";
import { Fact, Facts } from "../Facts";
import { graphql, read } from "../gql";
import { formatChange, formatCount, formatDate, formatMoment, formatMoney } from "../locale";
import { RefusalNotice } from "../requests/RefusalNotice";
import { type Refusal, refusalOf, refusalOfFailure } from "../requests/refusals";
import { LoadingState } from "../states/LoadingState";
import type { Held } from "./held";
import { labelOfPlan, labelPerCycle } from "./labels";
import type { Option } from "./option";
import { PortalButton } from "./PortalButton";
import { Step } from "./Step";
import classes from "./SwitchConfirmation.module.css";
import { type PlanSwitch, TERMS, type Terms } from "./usePlanSwitch";

const PREVIEW = graphql(`
  query PlanSwitchPreview($workspace: ID!, $plan: ID!, $cycle: BillingCycle!) {
    workspace(id: $workspace) {
      id
      planSwitchPreview(planId: $plan, billingCycle: $cycle) { ...PlanSwitchTerms }
    }
  }
`);

interface Props {
  workspaceId: string;
  held: Held;
  option: Option;
  planSwitch: PlanSwitch;
}

/**
 * Shows what a switch costs and brings, and makes just that. What is shown stays as it is under
 * the eyes of the person; when it is no longer true, the new terms are shown and said to be new.
 */
export function SwitchConfirmation({ workspaceId, held, option, planSwitch }: Props) {
  const { terms, refusal, news, ask, renew } = useTerms(workspaceId, option);
  const { busyWith, send } = planSwitch;

  const confirm = async () => {
    if (!terms) return;
    const sent = await send(option, terms.token);
    if (sent.newTerms) renew(sent.newTerms);
    else if (sent.refusal?.code === "PREVIEW_EXPIRED") await ask();
  };

  const isStale = planSwitch.refusal?.code === "PREVIEW_EXPIRED";
  return (
    <Step
      title={`Switch to ${labelOfPlan(option.plan.name, option.billingCycle)}`}
      isBusy={busyWith !== null}
      onBack={planSwitch.back}
    >
      {!terms && !refusal && <LoadingState label="Asking what is due" />}
      {news && <News news={news} />}
      {terms && <TermsFacts terms={terms} option={option} held={held} />}
      {terms && held.pendingChange && <Replaced held={held} />}
      <RefusalNotice refusal={refusal} onRetry={ask} />
      <RefusalNotice refusal={isStale ? null : planSwitch.refusal} onRetry={confirm}>
        {planSwitch.refusal?.code === "PAYMENT_DECLINED" && (
          <PortalButton workspaceId={workspaceId} disabled={false} />
        )}
      </RefusalNotice>
      {terms && (
        <Stack gap="xs">
          <Group>
            <Button loading={busyWith !== null} onClick={confirm}>
              {terms.amountDue.amountMinor > 0
                ? `Pay ${formatMoney(terms.amountDue)} and switch`
                : "Confirm the switch"}
            </Button>
          </Group>
          <Text size="sm" c="dimmed">
            You can confirm this until {formatMoment(terms.expiresAt)}.
          </Text>
        </Stack>
      )}
    </Step>
  );
}

type Change = "changed" | "renewed";

/** Ask for the terms of a switch; `ask` again when they are no longer true, and compare. */
function useTerms(workspaceId: string, option: Option) {
  const client = useClient();
  const [terms, setTerms] = useState<Terms | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [news, setNews] = useState<Change | null>(null);
  const { plan, billingCycle } = option;

  const renew = (next: Terms) => {
    setNews(terms && (isAlike(terms, next) ? "renewed" : "changed"));
    setTerms(next);
  };
  const fetchTerms = async (): Promise<Terms | null> => {
    if (!billingCycle) return null; // Free is not paid, so there is nothing to preview
    setRefusal(null);
    const variables = { workspace: workspaceId, plan: plan.id, cycle: billingCycle };
    const { data, error } = await client
      .query(PREVIEW, variables, { requestPolicy: "network-only" })
      .toPromise();
    if (error) setRefusal(refusalOfFailure(error));
    else if (!data?.workspace) setRefusal(refusalOf({ code: "WORKSPACE_NOT_FOUND", message: "" }));
    return read(TERMS, data?.workspace?.planSwitchPreview) ?? null;
  };
  const ask = async () => {
    const next = await fetchTerms();
    if (next) renew(next);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: another option is another step
  useEffect(() => {
    let isGone = false;
    void fetchTerms().then((first) => {
      if (!isGone) setTerms(first);
    });
    return () => {
      isGone = true;
    };
  }, []);
  return { terms, refusal, news, ask, renew };
}

function isAlike(one: Terms, other: Terms): boolean {
  return (
    one.amountDue.amountMinor === other.amountDue.amountMinor &&
    one.credits === other.credits &&
    one.action === other.action
  );
}

function News({ news }: { news: Change }) {
  return (
    <Alert
      color="blue"
      icon={<IconInfoCircle aria-hidden />}
      title={news === "changed" ? "The amounts have changed" : "The offer was renewed"}
    >
      {news === "changed"
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

interface TermsProps {
  terms: Terms;
  option: Option;
  held: Held;
}

function TermsFacts({ terms, option: { plan, billingCycle, price }, held }: TermsProps) {
  const isNow = terms.action === "UPGRADE_NOW";
  return (
    <>
      <p className={classes.due}>
        <span className={classes.amount}>{formatMoney(terms.amountDue)}</span> due now
      </p>
      <Facts>
        <Fact term="From">{labelOfPlan(held.plan.name, held.billingCycle)}</Fact>
        <Fact term="To">{labelOfPlan(plan.name, billingCycle)}</Fact>
        <Fact term="Credits now">{creditsOf(terms)}</Fact>
        <Fact term="Takes effect">
          {isNow ? "As soon as you confirm" : formatDate(terms.effectiveAt)}
        </Fact>
        {price && (
          <Fact term="Price from then on">
            {formatMoney(price)} {labelPerCycle(billingCycle)}
          </Fact>
        )}
        <Fact term="Credits each month">{formatCount(plan.creditsPerRefresh)}</Fact>
      </Facts>
    </>
  );
}

function creditsOf({ credits }: Terms): string {
  if (credits === 0) return "None come or go";
  const verb = Math.abs(credits) === 1 ? "is" : "are";
  return `${formatChange(credits)} ${verb} ${credits > 0 ? "added" : "taken away"}`;
}
