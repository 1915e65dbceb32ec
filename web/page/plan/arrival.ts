import { useState } from "react";
import { useClient } from "urql";
import { askAgain } from "../client/again";
import { usePolling } from "../client/polling";
import { graphql, read } from "../gql";
import { fingerprintOf, HELD, type Held } from "./held";

const PLAN_NOW = graphql(`
  query PlanNow($workspace: ID!) {
    workspace(id: $workspace) { id subscription { ...HeldPlan } }
  }
`);

const PAUSE_MILLISECONDS = 2_000;

/** A payment that takes longer than this is looked for less often, and said to take longer. */
const PATIENCE_ROUNDS = 30;
const LONG_PAUSE_MILLISECONDS = 15_000;

/** The credits of a plan come with its invoice, which may be settled a moment after the plan. */
const UNTIL_BOOKED_MILLISECONDS = [2_000, 6_000];

/**
 * Wait until a workspace holds something else than `before`, a fingerprint, and let the page show
 * it. Nobody tells of plans that were paid elsewhere, so the gateway is asked every few seconds.
 */
export function useArrival(workspaceId: string, before: string) {
  const client = useClient();
  const [old] = useState(before); // whoever passes it hears of the new plan too, perhaps first
  const [arrived, setArrived] = useState<Held | null>(null);
  const [rounds, setRounds] = useState(0);
  const isLate = rounds >= PATIENCE_ROUNDS;
  const look = async () => {
    const { data } = await client
      .query(PLAN_NOW, { workspace: workspaceId }, { requestPolicy: "network-only" })
      .toPromise();
    setRounds((count) => count + 1);
    const held = read(HELD, data?.workspace?.subscription);
    if (!held || fingerprintOf(held) === old) return false;
    setArrived(held);
    askAgain(client);
    for (const pause of UNTIL_BOOKED_MILLISECONDS) setTimeout(() => askAgain(client), pause);
    return true;
  };
  usePolling(look, {
    isOn: arrived === null,
    pauseMilliseconds: isLate ? LONG_PAUSE_MILLISECONDS : PAUSE_MILLISECONDS,
  });
  return { arrived, isLate };
}
