import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { relayStylePagination } from "@apollo/client/utilities";
import introspection from "../generated/possibleTypes";

export function connect(url: string, token: () => string): ApolloClient {
  const authorized = new SetContextLink(({ headers }) => ({
    headers: { ...headers, authorization: `Bearer ${token()}` },
  }));
  // One list for each filter and order: their cursors do not mix.
  const list = relayStylePagination(["filterBy", "orderBy"]);
  const fields = {
    conversationUsage: list,
    mcpHttpCalls: list,
    importUsage: list,
    creditAdjustments: list,
  };
  return new ApolloClient({
    link: authorized.concat(new HttpLink({ uri: url })),
    cache: new InMemoryCache({
      possibleTypes: introspection.possibleTypes,
      typePolicies: {
        Workspace: { fields },
        // These have no id: they are part of their workspace.
        CreditBalance: { merge: true },
        Subscription: { merge: true },
        WorkspacePermissions: { merge: true },
      },
    }),
  });
}
