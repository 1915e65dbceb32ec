import { graphql, usePaginationFragment } from "react-relay";
import type {
  ConversationsTabPaginationQuery,
  ConversationUsageFilter,
} from "./__generated__/ConversationsTabPaginationQuery.graphql";
import type { ConversationsTab_workspace$key } from "./__generated__/ConversationsTab_workspace.graphql";

export function ConversationsTab({ workspace }: { workspace: ConversationsTab_workspace$key }) {
  const { data, hasNext, loadNext, refetch } = usePaginationFragment<
    ConversationsTabPaginationQuery,
    ConversationsTab_workspace$key
  >(
    graphql`
      fragment ConversationsTab_workspace on Workspace
      @refetchable(queryName: "ConversationsTabPaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 20 }
        after: { type: "String" }
        filterBy: { type: "ConversationUsageFilter" }
        orderBy: { type: "ConversationUsageOrder" }
      ) {
        conversationUsage(first: $first, after: $after, filterBy: $filterBy, orderBy: $orderBy)
          @connection(key: "ConversationsTab_conversationUsage") {
          edges {
            node {
              id
              conversationId
              title
              messageCount
              credits
              billingType
              updatedAt
              user {
                name
              }
            }
          }
          totalCount
          summary {
            conversationCount
            messageCount
            credits
          }
        }
      }
    `,
    workspace,
  );
  const { edges, summary } = data.conversationUsage;
  // A search starts from the first page: a cursor belongs to its filter.
  const search = (text: string) => {
    const filterBy: ConversationUsageFilter = { search: text };
    refetch({ filterBy });
  };
  return (
    <section>
      <input type="search" onChange={(event) => search(event.target.value)} />
      <p>
        {summary.conversationCount} conversations, {summary.messageCount} messages,{" "}
        {summary.credits} credits
      </p>
      <ul>
        {edges.map(({ node }) => (
          <li key={node.id}>
            {node.title}: {node.credits.toFixed(0)} credits, {node.user?.name ?? "somebody"},{" "}
            {new Date(node.updatedAt).toLocaleString()}
          </li>
        ))}
      </ul>
      {hasNext && <button onClick={() => loadNext(20)}>More</button>}
    </section>
  );
}
