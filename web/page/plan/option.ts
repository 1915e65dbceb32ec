import { graphql } from "../gql";
import type { PlanChoiceOptionFragment, PlanOptionReason } from "../gql/graphql";

/** A plan in one of its cycles, and what choosing it does for the workspace. */
export const OPTION = graphql(`
  fragment PlanChoiceOption on PlanOption {
    action
    reason
    requiresConfirmation
    billingCycle
    price { amountMinor currency }
    plan {
      id
      name
      description
      kind
      features
      creditsPerRefresh
      refreshes
      prices { billingCycle monthlyEquivalent { amountMinor currency } }
    }
  }
`);

export type Option = PlanChoiceOptionFragment;

const REASONS: Record<PlanOptionReason, string> = {
  ALREADY_SCHEDULED: "This change is scheduled already.",
  ONE_TIME_PLAN_LAPSES: "Your plan ends by itself, and the workspace is on Free from then on.",
  PAID_PLAN_FOLLOWS: "Another plan is paid for already, and begins when this one ends.",
  PAST_DUE: "A payment is due: pay it in the customer portal first.",
  RECURRING_PLAN_MUST_END_FIRST: "Downgrade to Free first, and let your current plan end.",
};

/** Say why a plan can't be chosen now. */
export function reasonOf(option: Option): string {
  return (option.reason && REASONS[option.reason]) ?? "It can't be chosen now.";
}

/** Whether two options are the same plan in the same cycle. */
export function isSame(one: Option, other: Option): boolean {
  return one.plan.id === other.plan.id && one.billingCycle === other.billingCycle;
}
