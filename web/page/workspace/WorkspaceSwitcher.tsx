import { Group, Select, Text } from "@mantine/core";
import { useWorkspaceId } from "../address";
import { type FragmentType, graphql, read } from "../gql";
import { ROLES } from "./labels";

const WORKSPACE_SWITCHER = graphql(`
  fragment WorkspaceSwitcher on User {
    workspaces(first: 100) {
      edges { role node { id name } }
    }
  }
`);

/** Shows which workspace is selected and goes to another, where every list begins afresh. */
export function WorkspaceSwitcher({ user }: { user: FragmentType<typeof WORKSPACE_SWITCHER> }) {
  const edges = read(WORKSPACE_SWITCHER, user).workspaces?.edges ?? [];
  const [workspaceId, select] = useWorkspaceId();
  const roles = new Map(edges.map(({ role, node }) => [node.id, ROLES[role]]));
  const role = workspaceId === null ? undefined : roles.get(workspaceId);
  return (
    <Select
      label={role === undefined ? "Workspace" : `Workspace, as ${role.toLowerCase()}`}
      placeholder="Select a workspace"
      nothingFoundMessage="No workspace of that name"
      data={edges.map(({ node }) => ({ value: node.id, label: node.name }))}
      value={workspaceId}
      onChange={(id) => id !== null && id !== workspaceId && select(id)}
      searchable
      comboboxProps={{ withinPortal: false }}
      allowDeselect={false}
      renderOption={({ option }) => (
        <Group justify="space-between" flex={1} wrap="nowrap">
          <Text size="sm">{option.label}</Text>
          <Text size="xs" c="dimmed">
            {roles.get(option.value)}
          </Text>
        </Group>
      )}
    />
  );
}
