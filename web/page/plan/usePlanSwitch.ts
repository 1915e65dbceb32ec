import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { returnAddresses } from "../checkout/addresses";
import { departure, FOR_A_PLAN } from "../checkout/departure";
import { useLeaving } from "../checkout/leave";
import { graphql, read } from "../gql";
import type { SwitchPlanMutation } from "../gql/graphql";
import { formatDate } from "../locale";
import type { Refusal } from "../requests/refusals";
import { useRequest } from "../requests/useRequest";
import { labelOfPlan } from "./labels";
import type { Option } from "./option";
import { TERMS, type Terms } from "./terms";
import type { WaitingPayment } from "./waiting";

const SWITCH_PLAN = graphql(`
  mutation SwitchPlan($input: SwitchPlanInput!) {
    switchPlan(input: $input) {
      outcome {
        __typename
        ... on PlanSwitched { effectiveAt }
        ... on PlanSwitchScheduled { effectiveAt }
        ... on PlanCheckoutRequired { url }
        ... on PlanSwitchPaymentRequired { url expiresAt }
        ... on PlanSwitchConfirmationRequired { preview { ...PlanSwitchTerms } }
      }
      workspace { id name subscription { plan { id } } creditBalance { remaining } }
      userErrors { code message }
    }
  }
`);

type Done = NonNullable<SwitchPlanMutation["switchPlan"]>;

/** Where a person is on the way to another plan. */
export type Step =
  | { name: "compare"; from: Option | null }
  | { name: "confirm"; option: Option }
  | { name: "downgrade"; option: Option }
  | { name: "authenticate"; option: Option; url: string; expiresAt: string };

export interface PlanSwitch {
  step: Step;
  /** The plan that is being asked for, or whose checkout page is being opened. */
  busyWith: Option | null;
  refusal: Refusal | null;
  /** Begin with a plan: compared, it is confirmed or bought next. */
  choose: (option: Option) => void;
  /** Ask for it; with the token of what was shown where that is to be confirmed. */
  send: (option: Option, token?: string) => Promise<Sent>;
  /** Ask once more for what was asked for without a confirmation. */
  retry: () => void;
  back: () => void;
}

/** What is left to do after asking: to look at other terms than those that were confirmed. */
export interface Sent {
  newTerms: Terms | null;
  refusal: Refusal | null;
}

interface Surroundings {
  workspaceId: string;
  /** What the workspace holds, told by a fingerprint: another one is there after a checkout. */
  before: string;
  /** Told of a payment that the bank has yet to be asked for. */
  onWaiting: (payment: WaitingPayment) => void;
  onDone: () => void;
}

/** Lead a person from the choice of a plan to its end, asking the gateway at each step. */
export function usePlanSwitch({
  workspaceId,
  before,
  onWaiting,
  onDone,
}: Surroundings): PlanSwitch {
  const [step, setStep] = useState<Step>({ name: "compare", from: null });
  const [asked, setAsked] = useState<Option | null>(null);
  const { isLeaving, obstacle, leaveFor } = useLeaving();
  const { ask, isBusy, refusal, forgive } = useRequest(SWITCH_PLAN, ({ switchPlan }) => switchPlan);

  const arrive = (option: Option, { outcome, workspace }: Done): Terms | null => {
    const name = labelOfPlan(option.plan.name, option.billingCycle);
    // Who has gone to another workspace meanwhile reads this there.
    const where = workspace?.name ?? "your workspace";
    switch (outcome?.__typename) {
      case "PlanSwitched":
        notifications.show({
          color: "teal",
          title: `You are on ${name}`,
          message: `The new plan of ${where} is in effect.`,
        });
        onDone();
        return null;
      case "PlanSwitchScheduled":
        notifications.show({
          color: "teal",
          title: `${name} starts on ${formatDate(outcome.effectiveAt)}`,
          message: `Until then nothing changes in ${where}, and you can undo it.`,
        });
        onDone();
        return null;
      case "PlanCheckoutRequired":
        leaveFor(outcome.url, () =>
          departure.remember(FOR_A_PLAN, {
            what: "plan",
            workspaceId,
            planName: option.plan.name,
            before,
          }),
        );
        return null;
      case "PlanSwitchPaymentRequired": {
        const { url, expiresAt } = outcome;
        const { plan, billingCycle } = option;
        onWaiting({ planId: plan.id, billingCycle, name, url, expiresAt });
        setStep({ name: "authenticate", option, url, expiresAt });
        return null;
      }
      case "PlanSwitchConfirmationRequired":
        setStep({ name: "confirm", option });
        return read(TERMS, outcome.preview);
      default:
        return null; // of a newer gateway
    }
  };

  const send = async (option: Option, token?: string): Promise<Sent> => {
    setAsked(option);
    const answer = await ask((idempotencyKey) => ({
      workspaceId,
      planId: option.plan.id,
      billingCycle: option.billingCycle ?? null,
      previewToken: token ?? null,
      ...returnAddresses(workspaceId, FOR_A_PLAN),
      idempotencyKey,
    }));
    const newTerms = answer.done ? arrive(option, answer.done) : null;
    return { newTerms, refusal: answer.refusal };
  };

  const choose = (option: Option) => {
    forgive();
    if (option.requiresConfirmation) setStep({ name: "confirm", option });
    else if (option.action === "CANCEL_AT_PERIOD_END") setStep({ name: "downgrade", option });
    else void send(option);
  };

  const back = () => {
    forgive();
    setStep({ name: "compare", from: "option" in step ? step.option : null });
  };

  const retry = () => asked && void send(asked);
  const busyWith = isBusy || isLeaving ? asked : null;
  return { step, busyWith, refusal: refusal ?? obstacle, choose, send, retry, back };
}
