import type { PlanKind } from "../gql/graphql";

/** Say how often the package of a plan comes: `a month`, as in `2,500 credits a month`. */
export function rhythmOf({ kind, refreshes }: { kind: PlanKind; refreshes: boolean }): string {
  if (refreshes) return "a month";
  return kind === "FREE" ? "once, for a new workspace" : "for each period that is paid";
}
