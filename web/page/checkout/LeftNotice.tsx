import { ReturnNotice } from "./ReturnNotice";

/** Says what is known of whoever comes back by another way than the payment: not that it failed. */
export function LeftNotice({ onClose }: { onClose: () => void }) {
  return (
    <ReturnNotice kind="neutral" title="You left the checkout page" onClose={onClose}>
      If you did not pay there, nothing has changed. What was paid is shown here as soon as the
      payment is confirmed.
    </ReturnNotice>
  );
}
