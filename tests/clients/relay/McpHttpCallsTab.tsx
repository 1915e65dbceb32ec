import { graphql, usePaginationFragment } from "react-relay";
import type { McpHttpCallsTabPaginationQuery } from "./__generated__/McpHttpCallsTabPaginationQuery.graphql";
import type { McpHttpCallsTab_workspace$key } from "./__generated__/McpHttpCallsTab_workspace.graphql";

export function McpHttpCallsTab({ workspace }: { workspace: McpHttpCallsTab_workspace$key }) {
  const { data, hasNext, loadNext, refetch } = usePaginationFragment<
    McpHttpCallsTabPaginationQuery,
    McpHttpCallsTab_workspace$key
  >(
    graphql`
      fragment McpHttpCallsTab_workspace on Workspace
      @refetchable(queryName: "McpHttpCallsTabPaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 20 }
        after: { type: "String" }
        filterBy: { type: "McpHttpCallFilter" }
        orderBy: { type: "McpHttpCallOrder" }
      ) {
        apiKeys(first: 100) {
          nodes {
            id
            name
          }
        }
        mcpHttpCalls(first: $first, after: $after, filterBy: $filterBy, orderBy: $orderBy)
          @connection(key: "McpHttpCallsTab_mcpHttpCalls") {
          edges {
            node {
              id
              callId
              credits
              createdAt
              apiKey {
                name
              }
              user {
                name
              }
            }
          }
          summary {
            callCount
            credits
          }
        }
      }
    `,
    workspace,
  );
  return (
    <section>
      {data.apiKeys.nodes.map((key) => (
        <button key={key.id} onClick={() => refetch({ filterBy: { apiKeyIds: [key.id] } })}>
          {key.name}
        </button>
      ))}
      <p>{data.mcpHttpCalls.summary.callCount} calls</p>
      <ul>
        {data.mcpHttpCalls.edges.map(({ node }) => (
          <li key={node.id}>
            {node.callId} with {node.apiKey.name}: {node.credits}
          </li>
        ))}
      </ul>
      {hasNext && <button onClick={() => loadNext(20)}>More</button>}
    </section>
  );
}
