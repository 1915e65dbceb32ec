import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useMemo,
  useState,
} from "react";
import { token as stored } from "../../token";
import { takeToken } from "./handover";

export interface Session {
  /** The token of whoever is signed in; empty for nobody. */
  token: string;
  /** Whether the gateway does not take the token any more. */
  isOver: boolean;
  /** Be somebody else from now on, or the same person with a new token. */
  signIn: (token: string) => void;
  /** Tell that the gateway does not take a token any more. */
  end: (token: string) => void;
}

const SessionContext = createContext<Session | null>(null);

/** Keeps who is signed in: whose token was handed over in the address, or chosen in the demo. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const [token, setToken] = useState(takeToken);
  const [ended, end] = useState<string | null>(null);
  const signIn = useCallback((next: string) => {
    stored.write(next);
    setToken(next);
  }, []);
  useEffect(() => {
    const take = () => setToken(takeToken());
    addEventListener("hashchange", take);
    return () => removeEventListener("hashchange", take);
  }, []);
  const session = useMemo(
    () => ({ token, isOver: token !== "" && token === ended, signIn, end }),
    [token, ended, signIn],
  );
  return <SessionContext value={session}>{children}</SessionContext>;
}

export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error("There is no <SessionProvider> around");
  return session;
}
