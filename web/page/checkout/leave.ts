import { useWindowEvent } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";
import { PAGE_CLOSED, PAGE_NOT_TRUSTED, type Refusal } from "../requests/refusals";
import { trusted } from "./addresses";

interface Leaving {
  isLeaving: boolean;
  /** Why the person is still here although a page was to be opened. */
  obstacle: Refusal | null;
  /** Go to a page; `null` is one that is closed. `onLeave` is called where it is gone to. */
  leaveFor: (address: string | null | undefined, onLeave?: () => void) => void;
}

/**
 * Go to a page that is not ours, such as a checkout. While the browser is on its way there, and
 * until the person comes back by the back button, everything stays busy. Whoever has gone to
 * another workspace meanwhile is not taken away from it.
 */
export function useLeaving(): Leaving {
  const [isLeaving, setLeaving] = useState(false);
  const [obstacle, setObstacle] = useState<Refusal | null>(null);
  const isHere = useRef(false);
  useEffect(() => {
    isHere.current = true;
    return () => {
      isHere.current = false;
    };
  }, []);
  useWindowEvent("pageshow", () => setLeaving(false));
  const leaveFor: Leaving["leaveFor"] = (address, onLeave) => {
    if (!isHere.current) return;
    const href = address ? trusted(address) : null;
    setLeaving(href !== null);
    setObstacle(href === null ? (address ? PAGE_NOT_TRUSTED : PAGE_CLOSED) : null);
    if (href === null) return;
    onLeave?.();
    location.assign(href);
  };
  return { isLeaving, obstacle, leaveFor };
}
