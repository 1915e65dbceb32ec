import { type Client, type Exchange, mapExchange, type Operation } from "@urql/core";
import { useEffect } from "react";
import { useClient } from "urql";

const QUERIES = new WeakMap<Client, Map<number, Operation>>();

/** Knows the queries of a client, so that `askAgain` can ask those that are shown again. */
export const againExchange: Exchange = (input) => {
  const queries = new Map<number, Operation>();
  QUERIES.set(input.client, queries);
  return mapExchange({
    onOperation(operation) {
      if (operation.kind === "query") queries.set(operation.key, operation);
    },
  })(input);
};

/**
 * Ask everything again that is shown: something has changed that no mutation of ours has answered
 * with, such as credits that were paid on another page. What is no longer shown is not asked.
 */
export function askAgain(client: Client): void {
  for (const query of QUERIES.get(client)?.values() ?? []) {
    const context = { ...query.context, requestPolicy: "network-only" } as const;
    client.reexecuteOperation(client.createRequestOperation("query", query, context));
  }
}

/** Most payments are confirmed within seconds. */
const PAUSES_MILLISECONDS = [2_000, 5_000, 10_000, 20_000, 40_000, 80_000];

/** Ask for what is shown a few times more: something may be on its way that nobody tells of. */
export function useAskingAgain(): void {
  const client = useClient();
  useEffect(() => {
    const timers = PAUSES_MILLISECONDS.map((pause) => setTimeout(() => askAgain(client), pause));
    return () => timers.forEach(clearTimeout);
  }, [client]);
}
