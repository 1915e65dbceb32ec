import { graphql, usePaginationFragment } from "react-relay";
import type { WorkspaceSwitcherPaginationQuery } from "./__generated__/WorkspaceSwitcherPaginationQuery.graphql";
import type { WorkspaceSwitcher_viewer$key } from "./__generated__/WorkspaceSwitcher_viewer.graphql";

export function WorkspaceSwitcher({ viewer }: { viewer: WorkspaceSwitcher_viewer$key }) {
  const { data, hasNext, loadNext } = usePaginationFragment<
    WorkspaceSwitcherPaginationQuery,
    WorkspaceSwitcher_viewer$key
  >(
    graphql`
      fragment WorkspaceSwitcher_viewer on User
      @refetchable(queryName: "WorkspaceSwitcherPaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 25 }
        after: { type: "String" }
      ) {
        name
        workspaces(first: $first, after: $after)
          @connection(key: "WorkspaceSwitcher_workspaces") {
          edges {
            role
            node {
              id
              name
            }
          }
        }
      }
    `,
    viewer,
  );
  return (
    <nav>
      {data.workspaces?.edges.map(({ node, role }) => (
        <a key={node.id} href={`/workspaces/${node.id}`}>
          {node.name} ({role})
        </a>
      ))}
      {hasNext && <button onClick={() => loadNext(25)}>More</button>}
    </nav>
  );
}
