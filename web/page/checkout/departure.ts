/** What a person has left this page for, so that it is known when they come back. */
export type Departure =
  | { what: "credits"; workspaceId: string; checkoutId: string }
  | { what: "plan"; workspaceId: string; planName: string; before: string }
  /** They came back, and have put away what became of it. */
  | { what: "nothing"; workspaceId: string };

type Named = [name: string, left: Departure];

const KEY = "billing-gateway:departures";
const KEPT_MAX = 20;

/** The name of the departure for a plan: only one page is open on which a plan is paid. */
export const FOR_A_PLAN = "plan";

/**
 * What this browser tab was left for, by a name that is in the address to come back to: whoever
 * opens two checkout pages may pay either of them.
 */
export const departure = {
  remember(name: string, left: Departure): void {
    const others = stored().filter(([each]) => each !== name);
    sessionStorage.setItem(KEY, JSON.stringify([...others, [name, left]].slice(-KEPT_MAX)));
  },
  /** Return what the workspace was left for; null when nothing is known of it. */
  recall(name: string, workspaceId: string): Departure | null {
    const [, left] = stored().find(([each]) => each === name) ?? [];
    return left?.workspaceId === workspaceId ? left : null;
  },
};

/** The border to what is stored: only `remember` writes it, in this version or an older one. */
function stored(): Named[] {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as Named[];
  } catch {
    return [];
  }
}
