import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";

export function connect(url: string, token: () => string): Client {
  // These have no id: the cache keeps them inside of what they belong to.
  const embedded = [
    "CreditBalance",
    "CreditExpiry",
    "CreditPack",
    "Money",
    "PendingPlanChange",
    "PlanOption",
    "PlanPrice",
    "Subscription",
    "WorkspacePermissions",
  ];
  return new Client({
    url,
    preferGetMethod: false,
    fetchOptions: () => ({ headers: { authorization: `Bearer ${token()}` } }),
    exchanges: [
      cacheExchange({
        keys: Object.fromEntries(embedded.map((type) => [type, () => null])),
        resolvers: { Workspace: { conversationUsage: relayPagination() } },
      }),
      fetchExchange,
    ],
  });
}
