import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconUserCircle } from "@tabler/icons-react";
import { ROLES } from "../workspace/labels";
import { useDemo } from "./Demo";

/** The demo's menu of who to be; `name` is who is signed in. */
export function SignInMenu({ name }: { name: string }) {
  const { people, meet, be } = useDemo();
  return (
    <Menu
      position="bottom-end"
      onOpen={meet}
      withInitialFocusPlaceholder={false}
      withinPortal={false}
    >
      <Menu.Target>
        <Button
          variant="default"
          leftSection={<IconUserCircle size="1.125rem" aria-hidden />}
          rightSection={<IconChevronDown size="1rem" aria-hidden />}
          aria-label={`Signed in as ${name}; be somebody else`}
        >
          {name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Be somebody else in this demo</Menu.Label>
        {people.map(({ role, name: other }) => (
          <Menu.Item key={role} onClick={() => be(role)}>
            {other} ({ROLES[role]})
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
