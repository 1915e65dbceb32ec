import { Text } from "@mantine/core";

/** Who used it. */
export function UserCell({ user }: { user: { name: string; email: string } | null | undefined }) {
  if (!user) return <Text size="sm">Unknown</Text>;
  return (
    <Text size="sm" title={user.email}>
      {user.name}
    </Text>
  );
}
