import type { Option } from "./option";

type Priced = { plan: Pick<Option["plan"], "prices"> };

/**
 * Return the part of a plan's price that paying by the year saves, from 0 to 1; 0 where it saves
 * nothing, or where there is nothing to compare.
 */
export function savingOf({ plan: { prices } }: Priced): number {
  const monthly = prices.find(({ billingCycle }) => billingCycle === "MONTHLY");
  const yearly = prices.find(({ billingCycle }) => billingCycle === "YEARLY");
  if (!monthly || !yearly || monthly.monthlyEquivalent.amountMinor === 0) return 0;
  const part = yearly.monthlyEquivalent.amountMinor / monthly.monthlyEquivalent.amountMinor;
  return Math.max(0, 1 - part);
}
