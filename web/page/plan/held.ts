import { graphql } from "../gql";
import type { HeldPlanFragment } from "../gql/graphql";

/** What a workspace holds, and what is to come. */
export const HELD = graphql(`
  fragment HeldPlan on Subscription {
    plan { id name }
    kind
    billingCycle
    currentPeriodEnd
    status
    pendingChange { plan { id name } billingCycle effectiveAt }
  }
`);

export type Held = HeldPlanFragment;

/** Tell what is held and to come by a text that is another one as soon as either has changed. */
export function fingerprintOf({ plan, billingCycle, currentPeriodEnd, pendingChange }: Held) {
  const toCome = pendingChange && [pendingChange.plan.id, pendingChange.billingCycle];
  return JSON.stringify([plan.id, billingCycle, currentPeriodEnd, toCome]);
}
