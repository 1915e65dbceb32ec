import { ReturnNotice } from "../checkout/ReturnNotice";
import { formatDate } from "../locale";
import { useArrival } from "./arrival";
import type { Held } from "./held";
import { labelOfPlan } from "./labels";

interface Props {
  workspaceId: string;
  planName: string;
  /** The fingerprint of what was held when the person left for the checkout page. */
  before: string;
  onClose: () => void;
}

/** Waits for a plan that was paid on a checkout page, and says when it is there. */
export function PlanArrival({ workspaceId, planName, before, onClose }: Props) {
  const { arrived, isLate } = useArrival(workspaceId, before);
  switch (arrived?.payment) {
    case "made":
      return (
        <ReturnNotice kind="done" title={titleOf(arrived.held)} onClose={onClose}>
          Thank you. Your payment is confirmed.
        </ReturnNotice>
      );
    case "waiting":
      return (
        <ReturnNotice kind="neutral" title={titleOf(arrived.held)} onClose={onClose}>
          The credits of the plan come with your payment. A bank can take days to confirm it: you
          can close this page.
        </ReturnNotice>
      );
    case "failed":
      return (
        <ReturnNotice kind="failed" title="The payment failed" onClose={onClose}>
          No credits were added. You can pay in the customer portal, with another card if need be.
          Otherwise {arrived.held.plan.name} ends.
        </ReturnNotice>
      );
    default:
      return (
        <ReturnNotice kind="waiting" title={`Waiting for ${planName}`} onClose={onClose}>
          {isLate
            ? "This takes longer than usual. A bank can take days to confirm a payment: " +
              "you can close this page, and find the plan here when it is paid."
            : "Your payment is being confirmed. That takes a few seconds."}
        </ReturnNotice>
      );
  }
}

function titleOf({ plan, billingCycle, currentPeriodEnd, pendingChange }: Held): string {
  if (pendingChange) {
    return `${pendingChange.plan.name} follows on ${formatDate(pendingChange.effectiveAt)}`;
  }
  const until = billingCycle === "ONE_TIME" && currentPeriodEnd;
  if (until) return `You are on ${plan.name} until ${formatDate(until)}`;
  return `You are on ${labelOfPlan(plan.name, billingCycle)}`;
}
