import { useTimeout } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { useClient, useSubscription } from "urql";
import { LeftNotice } from "../checkout/LeftNotice";
import { ReturnNotice } from "../checkout/ReturnNotice";
import { askAgain } from "../client/again";
import { usePolling } from "../client/polling";
import { graphql, read } from "../gql";
import type { CheckoutStatus, TopUpProgressFragment } from "../gql/graphql";
import { formatCount } from "../locale";

const PROGRESS = graphql(`
  fragment TopUpProgress on TopUpCheckout { id status credits }
`);

const TOP_UP_CHANGED = graphql(`
  subscription TopUpChanged($id: ID!) {
    topUpCheckoutChanged(id: $id) { ...TopUpProgress }
  }
`);

const TOP_UP_NOW = graphql(`
  query TopUpNow($id: ID!) {
    node(id: $id) { __typename ... on TopUpCheckout { ...TopUpProgress } }
  }
`);

type Progress = TopUpProgressFragment;

const PAUSE_MILLISECONDS = 3_000;

/** The stream tells how it is at once: who has heard nothing for so long has no stream. */
const SILENCE_MILLISECONDS = 4_000;

const LAST = new Set<CheckoutStatus>(["COMPLETED", "FAILED", "EXPIRED"]);

interface Props {
  checkoutId: string;
  /** Whether the person came back without having paid, as far as they told. */
  hasLeft: boolean;
  onClose: () => void;
}

/** Waits for credits that are paid on a checkout page, and says when they are there. */
export function CreditsArrival({ checkoutId, hasLeft, onClose }: Props) {
  const client = useClient();
  const progress = useProgress(checkoutId);
  const isThere = progress?.status === "COMPLETED";
  useEffect(() => {
    if (isThere) askAgain(client);
  }, [client, isThere]);

  switch (progress?.status) {
    case "COMPLETED":
      return (
        <ReturnNotice
          kind="done"
          title={`${formatCount(progress.credits)} credits were added`}
          onClose={onClose}
        >
          Thank you. Your payment is confirmed, and the credits can be used.
        </ReturnNotice>
      );
    case "PROCESSING":
      return (
        <ReturnNotice kind="neutral" title="Your payment is on its way" onClose={onClose}>
          Your bank takes a few days to confirm it. The credits are added when it has: you can close
          this page.
        </ReturnNotice>
      );
    case "FAILED":
      return (
        <ReturnNotice kind="failed" title="The payment failed" onClose={onClose}>
          No credits were added. You can buy them again, with another card if need be.
        </ReturnNotice>
      );
    case "EXPIRED":
      return (
        <ReturnNotice kind="failed" title="The checkout page was closed" onClose={onClose}>
          It was not paid in time. You were not charged, and no credits were added.
        </ReturnNotice>
      );
    default:
      if (hasLeft) return <LeftNotice onClose={onClose} />;
      return (
        <ReturnNotice kind="waiting" title="Waiting for the payment" onClose={onClose}>
          The credits are added as soon as it is confirmed. That takes a few seconds.
        </ReturnNotice>
      );
  }
}

/** Follow a purchase until its end: by the stream, or by asking where there is none. */
function useProgress(checkoutId: string): Progress | null {
  const client = useClient();
  const [polled, setPolled] = useState<Progress | null>(null);
  const [isSilent, setSilent] = useState(false);
  const isOver = polled !== null && LAST.has(polled.status);
  const [{ data, error }] = useSubscription({
    query: TOP_UP_CHANGED,
    variables: { id: checkoutId },
    pause: isOver,
  });
  useTimeout(() => setSilent(true), SILENCE_MILLISECONDS, { autoInvoke: true });
  const told = read(PROGRESS, data?.topUpCheckoutChanged) ?? null;

  const look = async () => {
    const answer = await client
      .query(TOP_UP_NOW, { id: checkoutId }, { requestPolicy: "network-only" })
      .toPromise();
    const node = answer.data?.node;
    if (node?.__typename !== "TopUpCheckout") return false;
    const now = read(PROGRESS, node);
    setPolled(now);
    return LAST.has(now.status);
  };
  const hasStream = !error && (told !== null || !isSilent);
  usePolling(look, { isOn: !hasStream && !isOver, pauseMilliseconds: PAUSE_MILLISECONDS });
  return isOver || error ? polled : (told ?? polled);
}
