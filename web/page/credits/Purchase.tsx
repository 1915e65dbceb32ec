import { useReturn } from "../address";
import { departure } from "../checkout/departure";
import { LeftNotice } from "../checkout/LeftNotice";
import { ReturnNotice } from "../checkout/ReturnNotice";
import { useAskingAgain } from "../client/again";
import { PlanArrival } from "../plan/PlanArrival";
import { CreditsArrival } from "./CreditsArrival";

interface Props {
  workspaceId: string;
}

/** What became of a checkout page that the person comes back from, until they put it away. */
export function Purchase({ workspaceId }: Props) {
  const [{ checkout: outcome, departure: name }, forget] = useReturn();
  const left = name === null ? null : departure.recall(name, workspaceId);
  if (!outcome || left?.what === "nothing") return null;
  const close = () => {
    if (name !== null) departure.remember(name, { what: "nothing", workspaceId });
    forget();
  };
  if (left?.what === "credits") {
    const { checkoutId } = left;
    const hasLeft = outcome === "left";
    return <CreditsArrival key={checkoutId} {...{ checkoutId, hasLeft }} onClose={close} />;
  }
  if (left?.what === "plan" && outcome === "paid") {
    const { planName, before } = left;
    return <PlanArrival key={before} {...{ workspaceId, planName, before }} onClose={close} />;
  }
  return <Unconfirmed outcome={outcome} onClose={close} />;
}

interface UnconfirmedProps {
  outcome: "paid" | "left";
  onClose: () => void;
}

/** Knows no more than the address says, which anybody can write: it says no more, and looks. */
function Unconfirmed({ outcome, onClose }: UnconfirmedProps) {
  useAskingAgain();
  if (outcome === "left") return <LeftNotice onClose={onClose} />;
  return (
    <ReturnNotice kind="neutral" title="Back from the checkout page" onClose={onClose}>
      What was paid there is shown here as soon as the payment is confirmed.
    </ReturnNotice>
  );
}
