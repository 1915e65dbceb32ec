import assert from "node:assert/strict";
import { test } from "node:test";
import type { BillingCycle } from "../gql/graphql";
import { savingOf } from "./saving.ts";

const planOf = (months: Partial<Record<BillingCycle, number>>) => ({
  prices: Object.entries(months).map(([billingCycle, amountMinor]) => ({
    billingCycle: billingCycle as BillingCycle,
    monthlyEquivalent: { amountMinor, currency: "USD" },
  })),
});

test("ten months' price for a year saves a sixth", () => {
  const saving = savingOf({ plan: planOf({ MONTHLY: 2900, YEARLY: 2417 }) });
  assert.equal(Math.round(saving * 100), 17);
});

for (const [what, months] of Object.entries({
  "a plan without a yearly price": { MONTHLY: 2900 },
  "a plan that is paid once": { ONE_TIME: 2633 },
  "a plan without prices": {},
  "a plan that costs nothing by the month": { MONTHLY: 0, YEARLY: 0 },
  "a year that costs more than its months": { MONTHLY: 2900, YEARLY: 3000 },
})) {
  test(`${what} saves nothing`, () => assert.equal(savingOf({ plan: planOf(months) }), 0));
}
