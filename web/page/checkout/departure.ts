/** What a person has left this page for, so that it is known when they come back. */
export type Departure =
  | { what: "credits"; workspaceId: string; checkoutId: string }
  | { what: "plan"; workspaceId: string; planName: string; before: string };

const KEY = "billing-gateway:departure";

/** What this browser tab was left for; it comes back to the same tab. */
export const departure = {
  remember(left: Departure): void {
    sessionStorage.setItem(KEY, JSON.stringify(left));
  },
  /** Return what the workspace was left for; null when nothing is known of it. */
  recall(workspaceId: string): Departure | null {
    const left = parse(sessionStorage.getItem(KEY));
    return left?.workspaceId === workspaceId ? left : null;
  },
  forget(): void {
    sessionStorage.removeItem(KEY);
  },
};

/** The border to what is stored: only `remember` writes it, in this version or an older one. */
function parse(text: string | null): Departure | null {
  try {
    return JSON.parse(text ?? "null") as Departure | null;
  } catch {
    return null;
  }
}
