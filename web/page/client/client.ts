import {
  Client,
  cacheExchange,
  fetchExchange,
  mapExchange,
  subscriptionExchange,
} from "@urql/core";
import { refocusExchange } from "@urql/exchange-refocus";
import { createClient as createEventsClient } from "graphql-sse";
import { againExchange } from "./again";
import { failureOf } from "./failure";
import { fetchInTime } from "./inTime";

const URL_OF_GRAPHQL = new URL("/graphql", location.origin).href;

interface Options {
  /** Called when the gateway does not take the token, or not any more. */
  onRefused: () => void;
}

/**
 * Create a client for one person. Answers are cached by document: a mutation lets every query
 * whose answer holds a type that it answered with be asked again. Nothing is shown before the
 * gateway has said so: this is about money.
 */
export function createClient(token: string, { onRefused }: Options): Client {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const events = createEventsClient({ url: URL_OF_GRAPHQL, headers, retryAttempts: 20 });
  return new Client({
    url: URL_OF_GRAPHQL,
    fetch: fetchInTime, // a stream has its own, and no end
    fetchOptions: { headers },
    preferGetMethod: false,
    exchanges: [
      refocusExchange(),
      againExchange,
      mapExchange({
        onError: (error) => {
          if (failureOf(error) === "session-over") onRefused();
        },
      }),
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, operationName, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: events.subscribe(
              {
                query: query ?? "",
                variables: { ...variables },
                ...(operationName && { operationName }),
              },
              { next: sink.next as never, error: sink.error, complete: sink.complete },
            ),
          }),
        }),
      }),
    ],
  });
}
