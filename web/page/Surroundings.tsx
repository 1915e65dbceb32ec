import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { NuqsAdapter } from "nuqs/adapters/react";
import type { ReactNode } from "react";
import { nonce } from "./nonce";
import { SessionProvider } from "./session/Session";
import { theme } from "./theme";

/** Everything around the page that is not seen: its look, its address, and who is signed in. */
export function Surroundings({ children }: { children: ReactNode }) {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <Notifications position="top-right" />
      <NuqsAdapter>
        <SessionProvider>{children}</SessionProvider>
      </NuqsAdapter>
    </MantineProvider>
  );
}
