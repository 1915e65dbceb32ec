import { createTheme } from "@mantine/core";

/** How the page differs from Mantine's own look; its colours are Mantine's in light and dark. */
export const theme = createTheme({
  primaryColor: "indigo",
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
});
