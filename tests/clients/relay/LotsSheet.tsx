import { graphql, usePaginationFragment } from "react-relay";
import type { LotsSheetPaginationQuery } from "./__generated__/LotsSheetPaginationQuery.graphql";
import type { LotsSheet_workspace$key } from "./__generated__/LotsSheet_workspace.graphql";

export function LotsSheet({ workspace }: { workspace: LotsSheet_workspace$key }) {
  const { data, hasNext, loadNext } = usePaginationFragment<
    LotsSheetPaginationQuery,
    LotsSheet_workspace$key
  >(
    graphql`
      fragment LotsSheet_workspace on Workspace
      @refetchable(queryName: "LotsSheetPaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 25 }
        after: { type: "String" }
      ) {
        creditBalance {
          lots(first: $first, after: $after) @connection(key: "LotsSheet_lots") {
            edges {
              node {
                id
                kind
                granted
                remaining
                expiresAt
              }
            }
          }
        }
      }
    `,
    workspace,
  );
  return (
    <aside>
      {data.creditBalance.lots.edges.map(({ node }) => (
        <p key={node.id}>
          {node.kind}: {node.remaining} of {node.granted}
        </p>
      ))}
      {hasNext && <button onClick={() => loadNext(25)}>More</button>}
    </aside>
  );
}
