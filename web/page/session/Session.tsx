import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useMemo,
  useState,
} from "react";
import { Provider as ClientProvider } from "urql";
import { token as stored } from "../../token";
import { createClient } from "../client/client";
import { takeToken } from "./handover";

export interface Session {
  /** The token of whoever is signed in; empty for nobody. */
  token: string;
  /** Be somebody else from now on: with a client, and a cache, of their own. */
  signIn: (token: string) => void;
  signOut: () => void;
}

const SessionContext = createContext<Session | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const [token, setToken] = useState(takeToken);
  const signIn = useCallback((next: string) => {
    stored.write(next);
    setToken(next);
  }, []);
  useEffect(() => {
    const take = () => setToken(takeToken());
    addEventListener("hashchange", take);
    return () => removeEventListener("hashchange", take);
  }, []);
  const session = useMemo(() => ({ token, signIn, signOut: () => signIn("") }), [token, signIn]);
  const client = useMemo(() => createClient(token), [token]);
  return (
    <SessionContext value={session}>
      <ClientProvider value={client}>{children}</ClientProvider>
    </SessionContext>
  );
}

export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error("There is no <SessionProvider> around");
  return session;
}
