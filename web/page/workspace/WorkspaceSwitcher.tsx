import { Group, Select, Text } from "@mantine/core";
import { useWorkspaceId } from "../address";
import { type FragmentType, graphql, read } from "../gql";
import { labelOf } from "../records/labels";
import { ROLES } from "./labels";
import { type Memberships, useWorkspaces } from "./workspaces";

const SELECTED_WORKSPACE = graphql(`
  fragment SelectedWorkspace on Workspace {
    id
    name
    viewerRole
  }
`);

interface Props {
  user: Memberships;
  /** The workspace that is shown: it may be none of the first ones. */
  selected: FragmentType<typeof SELECTED_WORKSPACE> | null;
}

/** Shows which workspace is selected and goes to another, where every list begins afresh. */
export function WorkspaceSwitcher({ user, selected: shown }: Props) {
  const { memberships, loadMore } = useWorkspaces(user);
  const [workspaceId, select] = useWorkspaceId();
  const selected = read(SELECTED_WORKSPACE, shown);

  const roles = new Map(memberships.map(({ node, role }) => [node.id, labelOf(ROLES, role)]));
  const options = memberships.map(({ node: { id, name } }) => ({ value: id, label: name }));
  if (selected?.viewerRole && !roles.has(selected.id)) {
    roles.set(selected.id, labelOf(ROLES, selected.viewerRole));
    options.unshift({ value: selected.id, label: selected.name });
  }
  const role = roles.get(workspaceId ?? "");
  return (
    <Select
      label={role === undefined ? "Workspace" : `Workspace, as ${role.toLowerCase()}`}
      placeholder="Select a workspace"
      nothingFoundMessage="No workspace of that name"
      data={options}
      value={workspaceId}
      onChange={(id) => id !== null && id !== workspaceId && select(id)}
      onDropdownOpen={loadMore}
      searchable
      openOnFocus={false}
      scrollAreaProps={{ viewportProps: { tabIndex: -1 } }} // what leads out of it is the field
      comboboxProps={{ withinPortal: false }}
      allowDeselect={false}
      renderOption={({ option: { value, label } }) => (
        <Group justify="space-between" flex={1} wrap="nowrap">
          <Text size="sm">{label}</Text>
          <Text size="xs" c="dimmed">
            {roles.get(value)}
          </Text>
        </Group>
      )}
    />
  );
}
