import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { NuqsAdapter } from "nuqs/adapters/react";
import type { ReactNode } from "react";
import { nonce } from "./nonce";
import { Connection } from "./session/Connection";
import { DemoProvider } from "./session/Demo";
import { SessionProvider } from "./session/Session";
import { BrokenPage } from "./states/BrokenPage";
import { ErrorBoundary } from "./states/ErrorBoundary";
import { theme } from "./theme";

/** Everything around the page that is not seen: its look, its address, and who is signed in. */
export function Surroundings({ children }: { children: ReactNode }) {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <ErrorBoundary fallback={<BrokenPage />}>
        <Notifications position="top-right" />
        <NuqsAdapter>
          <SessionProvider>
            <DemoProvider>
              <Connection>{children}</Connection>
            </DemoProvider>
          </SessionProvider>
        </NuqsAdapter>
      </ErrorBoundary>
    </MantineProvider>
  );
}
