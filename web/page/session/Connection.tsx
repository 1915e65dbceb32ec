import { type ReactNode, useMemo } from "react";
import { Provider } from "urql";
import { createClient } from "../client/client";
import { useSession } from "./Session";

/**
 * Connects what is inside to the gateway as whoever is signed in. Another person has a client of
 * their own and begins afresh: nothing that somebody else was shown is left.
 */
export function Connection({ children }: { children: ReactNode }) {
  const { token, end } = useSession();
  const client = useMemo(() => createClient(token, { onRefused: () => end(token) }), [token, end]);
  return (
    <Provider key={token} value={client}>
      {children}
    </Provider>
  );
}
