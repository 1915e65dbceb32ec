import type { BillingCycle, PlanKind } from "../gql/graphql";

const CYCLES: Record<BillingCycle, string> = {
  MONTHLY: "monthly",
  YEARLY: "yearly",
  ONE_TIME: "paid once",
};

const PER_CYCLE: Record<BillingCycle, string> = {
  MONTHLY: "a month",
  YEARLY: "a year",
  ONE_TIME: "once",
};

const KINDS: Record<PlanKind, string> = {
  FREE: "Free",
  ONE_TIME: "One-time",
  RECURRING: "Recurring",
};

/** `Recurring`; empty for a word of a newer gateway */
export function labelOfKind(kind: PlanKind): string {
  return KINDS[kind] ?? "";
}

/** `monthly`; empty for Free, which has no cycle, and for a word of a newer gateway. */
export function labelOfCycle(cycle: BillingCycle | null | undefined): string {
  return (cycle && CYCLES[cycle]) ?? "";
}

/** `a month`, as in `$29.00 a month` */
export function labelPerCycle(cycle: BillingCycle | null | undefined): string {
  return (cycle && PER_CYCLE[cycle]) ?? "";
}

/** `Team, monthly`, and `Free` */
export function labelOfPlan(name: string, cycle: BillingCycle | null | undefined): string {
  const label = labelOfCycle(cycle);
  return label ? `${name}, ${label}` : name;
}
