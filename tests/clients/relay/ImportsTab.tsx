import { graphql, usePaginationFragment } from "react-relay";
import type { ImportsTabPaginationQuery } from "./__generated__/ImportsTabPaginationQuery.graphql";
import type { ImportsTab_workspace$key } from "./__generated__/ImportsTab_workspace.graphql";

export function ImportsTab({ workspace }: { workspace: ImportsTab_workspace$key }) {
  const { data, hasNext, loadNext, refetch } = usePaginationFragment<
    ImportsTabPaginationQuery,
    ImportsTab_workspace$key
  >(
    graphql`
      fragment ImportsTab_workspace on Workspace
      @refetchable(queryName: "ImportsTabPaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 20 }
        after: { type: "String" }
        filterBy: { type: "ImportUsageFilter" }
        orderBy: { type: "ImportUsageOrder" }
      ) {
        importUsage(first: $first, after: $after, filterBy: $filterBy, orderBy: $orderBy)
          @connection(key: "ImportsTab_importUsage") {
          edges {
            node {
              id
              taskId
              importType
              importUrl
              credits
              createdAt
              user {
                name
              }
            }
          }
          summary {
            importCount
            credits
          }
        }
      }
    `,
    workspace,
  );
  return (
    <section>
      <button onClick={() => refetch({ filterBy: { importTypes: ["BRAND"] } })}>Brands</button>
      <p>{data.importUsage.summary.importCount} imports</p>
      <ul>
        {data.importUsage.edges.map(({ node }) => (
          <li key={node.id}>
            {node.taskId} ({node.importType}): {node.credits}
          </li>
        ))}
      </ul>
      {hasNext && <button onClick={() => loadNext(20)}>More</button>}
    </section>
  );
}
