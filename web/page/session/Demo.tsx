import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { fetchPeople, isDemo, type Person } from "./people";
import { role as chosen } from "./role";
import { useSession } from "./Session";

/** A token that is refused so soon after it was made is not too old: a newer one won't help. */
const TOO_SOON_MILLISECONDS = 60_000;

interface Demo {
  /** Whom one can be; nobody until they are needed. */
  people: Person[];
  /** Whether nobody can be signed in. */
  hasFailed: boolean;
  /** Know whom one can be. */
  meet: () => void;
  /** Be whoever has that role from now on, or the owner, with a fresh token. */
  be: (role: Person["role"] | null) => void;
}

const DemoContext = createContext<Demo | null>(null);

/**
 * Signs in by itself in the demo, as the owner or whoever was chosen last, and again whenever the
 * token has ended. Elsewhere it does nothing: the host product signs people in.
 */
export function DemoProvider({ children }: { children: ReactNode }) {
  const { token, isOver, signIn } = useSession();
  const [people, setPeople] = useState<Person[]>([]);
  const [hasFailed, setFailed] = useState(false);
  const signedInAt = useRef(Number.NEGATIVE_INFINITY);

  const meet = useCallback(async () => {
    setFailed(false);
    try {
      const found = await fetchPeople();
      setPeople(found);
      return found;
    } catch {
      setFailed(true);
      return [];
    }
  }, []);
  const be = useCallback(
    async (role: Person["role"] | null) => {
      const found = await meet();
      const person = found.find((each) => each.role === role) ?? found[0];
      if (!person) return;
      chosen.write(person.role);
      signedInAt.current = performance.now();
      signIn(person.token);
    },
    [meet, signIn],
  );

  const isSignedOut = token === "" || isOver;
  useEffect(() => {
    if (!isDemo || !isSignedOut) return;
    if (performance.now() - signedInAt.current < TOO_SOON_MILLISECONDS) setFailed(true);
    else void be(chosen.read());
  }, [isSignedOut, be]);

  const demo = useMemo(() => ({ people, hasFailed, meet, be }), [people, hasFailed, meet, be]);
  return <DemoContext value={demo}>{children}</DemoContext>;
}

export function useDemo(): Demo {
  const demo = use(DemoContext);
  if (!demo) throw new Error("There is no <DemoProvider> around");
  return demo;
}
