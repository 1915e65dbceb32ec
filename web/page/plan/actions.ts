import { formatDate } from "../locale";
import type { Held } from "./held";
import { labelOfCycle } from "./labels";
import { type Option, reasonOf } from "./option";

/** What the button of a plan says: what choosing it does. */
export function labelOf(option: Option, held: Held): string {
  const { action, plan, billingCycle } = option;
  const isHeld = plan.id === held.plan.id;
  switch (action) {
    case "CHECKOUT":
      return isHeld ? `Extend ${plan.name}` : `Buy ${plan.name}`;
    case "UPGRADE_NOW":
      return isHeld ? `Switch to ${labelOfCycle(billingCycle)}` : `Upgrade to ${plan.name}`;
    case "SWITCH_AT_PERIOD_END":
      return isHeld ? `Switch to ${labelOfCycle(billingCycle)}` : `Switch to ${plan.name}`;
    case "CANCEL_AT_PERIOD_END":
      return `Downgrade to ${plan.name}`;
    case "CURRENT":
      return "Current plan";
    default:
      return "Not available";
  }
}

/** When choosing a plan takes effect and how it is paid, or why it can't be chosen. */
export function noteOf(option: Option, held: Held): string {
  const end = held.currentPeriodEnd ? formatDate(held.currentPeriodEnd) : "the end of the period";
  switch (option.action) {
    case "CHECKOUT":
      return option.billingCycle === "ONE_TIME"
        ? "Paid once on a checkout page. It does not renew."
        : "Paid on a checkout page. Renews until you cancel.";
    case "UPGRADE_NOW":
      return "Takes effect now. You see what is due before you confirm.";
    case "SWITCH_AT_PERIOD_END":
      return `Takes effect on ${end}. Nothing is due now.`;
    case "CANCEL_AT_PERIOD_END":
      return `Takes effect on ${end}.`;
    case "CURRENT":
      return "This is your plan.";
    default:
      return reasonOf(option);
  }
}
