import { Text, Title } from "@mantine/core";
import { useQuery } from "urql";
import { useWorkspaceId } from "./address";
import { graphql } from "./gql";

const PAGE = graphql(`
  query Page($workspace: ID!, $isSelected: Boolean!) {
    viewer {
      id
      name
      workspaces(first: 100) {
        edges { role node { id name } }
      }
    }
    workspace(id: $workspace) @include(if: $isSelected) {
      id
      name
    }
  }
`);

export function App() {
  const [workspace] = useWorkspaceId();
  const [{ data }] = useQuery({
    query: PAGE,
    variables: { workspace: workspace ?? "", isSelected: workspace !== null },
  });
  return (
    <main className="page">
      <Title order={1}>Subscription and Credits</Title>
      <Text>{data?.workspace?.name ?? data?.viewer?.name ?? "Nobody"}</Text>
    </main>
  );
}
