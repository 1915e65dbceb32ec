import { Button, Group } from "@mantine/core";
import { IconBriefcase } from "@tabler/icons-react";
import { useWorkspaceId } from "../address";
import { EmptyState } from "../states/EmptyState";
import { type Memberships, useWorkspaces } from "./workspaces";

interface Props {
  user: Memberships | null;
  /** Whether the address names a workspace, then one that is not there for this person. */
  isSelected: boolean;
}

/** In the place of a workspace: says that none is selected, and offers the person's own. */
export function NoWorkspace({ user, isSelected }: Props) {
  const [, select] = useWorkspaceId();
  const { memberships } = useWorkspaces(user);
  if (memberships.length === 0) {
    return (
      <EmptyState title="You are in no workspace yet" icon={<IconBriefcase />}>
        Create a workspace in the product, or ask somebody to invite you to theirs.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title={isSelected ? "This workspace is not there for you" : "No workspace is selected"}
      icon={<IconBriefcase />}
    >
      <p>
        {isSelected
          ? "It does not exist, or you are no member of it. Select one of yours."
          : "Select a workspace to see its plan, its credits and what used them."}
      </p>
      <Group justify="center" gap="xs">
        {memberships.slice(0, SHORTCUTS).map(({ node }) => (
          <Button key={node.id} variant="light" onClick={() => select(node.id)}>
            {node.name}
          </Button>
        ))}
      </Group>
      {memberships.length > SHORTCUTS && <p>All of yours are in the list above.</p>}
    </EmptyState>
  );
}

const SHORTCUTS = 8;
