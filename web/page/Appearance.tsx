import { ActionIcon, type MantineColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSun, IconSunMoon } from "@tabler/icons-react";

const APPEARANCES: Record<
  MantineColorScheme,
  { name: string; Icon: typeof IconSun; next: MantineColorScheme }
> = {
  auto: { name: "as on your device", Icon: IconSunMoon, next: "light" },
  light: { name: "light", Icon: IconSun, next: "dark" },
  dark: { name: "dark", Icon: IconMoon, next: "auto" },
};

/** Goes from the look of the device to light, to dark, and back. */
export function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { name, Icon, next } = APPEARANCES[colorScheme];
  const label = `Appearance: ${name}`;
  return (
    <ActionIcon
      variant="default"
      size="input-sm"
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(next)}
    >
      <Icon size="1.125rem" aria-hidden />
    </ActionIcon>
  );
}
