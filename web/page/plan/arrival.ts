import { useState } from "react";
import { useClient } from "urql";
import { askAgain } from "../client/again";
import { usePolling } from "../client/polling";
import { graphql, read } from "../gql";
import { fingerprintOf, HELD, type Held } from "./held";

const PLAN_NOW = graphql(`
  query PlanNow($workspace: ID!) {
    workspace(id: $workspace) {
      id
      subscription { ...HeldPlan }
      creditBalance { refreshesAt }
    }
  }
`);

const PAUSE_MILLISECONDS = 2_000;

/** A payment that takes longer than this is looked for less often, and said to take longer. */
const PATIENCE_ROUNDS = 30;
const LONG_PAUSE_MILLISECONDS = 15_000;

/**
 * A plan that was bought, and what became of its payment: a plan that renews is held before it is
 * paid, for a moment or, where a bank is debited, for days. Its credits come with the payment.
 */
export interface Arrived {
  held: Held;
  payment: "waiting" | "made" | "failed";
}

/**
 * Wait until a workspace holds something else than `before`, a fingerprint, and until that is paid;
 * let the page show both. Nobody tells of plans that were paid elsewhere, so the gateway is asked
 * every few seconds.
 */
export function useArrival(workspaceId: string, before: string) {
  const client = useClient();
  const [old] = useState(before); // whoever passes it hears of the new plan too, perhaps first
  const [arrived, setArrived] = useState<Arrived | null>(null);
  const [rounds, setRounds] = useState(0);
  const isLate = rounds >= PATIENCE_ROUNDS;
  const look = async () => {
    const { data } = await client
      .query(PLAN_NOW, { workspace: workspaceId }, { requestPolicy: "network-only" })
      .toPromise();
    setRounds((count) => count + 1);
    if (!data?.workspace) return false;
    const { subscription, creditBalance } = data.workspace;
    const held = read(HELD, subscription);
    if (fingerprintOf(held) === old) return false;
    const payment = paymentOf(held, creditBalance.refreshesAt);
    if (payment !== arrived?.payment) askAgain(client);
    setArrived({ held, payment });
    return payment === "made";
  };
  usePolling(look, {
    isOn: arrived?.payment !== "made",
    pauseMilliseconds: isLate ? LONG_PAUSE_MILLISECONDS : PAUSE_MILLISECONDS,
  });
  return { arrived, isLate };
}

/** Tell whether a plan is paid: its next credits are known since its first ones are there. */
function paymentOf({ status }: Held, refreshesAt: string | null): Arrived["payment"] {
  if (status === "PAST_DUE") return "failed";
  return refreshesAt === null ? "waiting" : "made";
}
