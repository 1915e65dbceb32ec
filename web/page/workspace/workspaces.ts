import { useState } from "react";
import { useClient } from "urql";
import { type FragmentType, graphql, read } from "../gql";
import type { WorkspacePageFragment } from "../gql/graphql";

/** Goes with the page's own request: more than these are asked for when the list is opened. */
const MEMBERSHIPS = graphql(`
  fragment Memberships on User {
    workspaces(first: 100) { ...WorkspacePage }
  }
`);

const WORKSPACE_PAGE = graphql(`
  fragment WorkspacePage on UserWorkspaceConnection {
    edges { role node { id name } }
    pageInfo { hasNextPage endCursor }
  }
`);

const MORE_WORKSPACES = graphql(`
  query MoreWorkspaces($after: String) {
    viewer {
      id
      workspaces(first: 100, after: $after) { ...WorkspacePage }
    }
  }
`);

export type Memberships = FragmentType<typeof MEMBERSHIPS>;
export type Membership = WorkspacePageFragment["edges"][number];

/** Return the workspaces that a person is in, and what asks for those beyond the first ones. */
export function useWorkspaces(user: Memberships | null) {
  const client = useClient();
  const [more, setMore] = useState<Membership[]>([]);
  const first = read(WORKSPACE_PAGE, read(MEMBERSHIPS, user)?.workspaces);

  const loadMore = async () => {
    const found: Membership[] = [];
    let { hasNextPage, endCursor } = first?.pageInfo ?? NO_MORE;
    while (hasNextPage) {
      const { data } = await client.query(MORE_WORKSPACES, { after: endCursor });
      const page = read(WORKSPACE_PAGE, data?.viewer?.workspaces);
      if (!page) return; // those that are there stay, and opening the list asks again
      found.push(...page.edges);
      setMore([...found]);
      ({ hasNextPage, endCursor } = page.pageInfo);
    }
  };
  return { memberships: once([...(first?.edges ?? []), ...more]), loadMore };
}

/** When somebody leaves a workspace, the first of the later ones move up to those that are here. */
function once(memberships: Membership[]): Membership[] {
  return [...new Map(memberships.map((each) => [each.node.id, each])).values()];
}

const NO_MORE = { hasNextPage: false, endCursor: null };
