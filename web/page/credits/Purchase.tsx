import { useState } from "react";
import { useReturn } from "../address";
import { type Departure, departure } from "../checkout/departure";
import { ReturnNotice } from "../checkout/ReturnNotice";
import { PlanArrival } from "../plan/PlanArrival";
import { CreditsArrival } from "./CreditsArrival";

interface Props {
  workspaceId: string;
}

/** What became of a checkout page that the person comes back from, until they put it away. */
export function Purchase({ workspaceId }: Props) {
  const [outcome, setOutcome] = useReturn();
  const [left] = useState(() => departure.recall(workspaceId));
  if (!outcome) return null;
  const close = () => {
    departure.forget();
    void setOutcome(null);
  };
  if (outcome === "left") {
    return (
      <ReturnNotice kind="neutral" title="You were not charged" onClose={close}>
        You left the checkout page before you paid. Nothing has changed.
      </ReturnNotice>
    );
  }
  return <Paid workspaceId={workspaceId} left={left} onClose={close} />;
}

interface PaidProps extends Props {
  left: Departure | null;
  onClose: () => void;
}

function Paid({ workspaceId, left, onClose }: PaidProps) {
  if (left?.what === "credits") {
    return <CreditsArrival checkoutId={left.checkoutId} onClose={onClose} />;
  }
  if (left?.what === "plan") {
    const { planName, before } = left;
    return (
      <PlanArrival
        workspaceId={workspaceId}
        planName={planName}
        before={before}
        onClose={onClose}
      />
    );
  }
  return (
    <ReturnNotice kind="neutral" title="Thank you" onClose={onClose}>
      What you have paid for is shown here as soon as the payment is confirmed.
    </ReturnNotice>
  );
}
