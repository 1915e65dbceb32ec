import type { SortLabels } from "./SortMenu";

/** The ends of the lists that are sorted by time and by credits alone. */
export const TIME_AND_CREDITS: SortLabels<"CREATED_AT" | "CREDITS"> = {
  CREATED_AT: { DESC: "Newest first", ASC: "Oldest first" },
  CREDITS: { DESC: "Most credits first", ASC: "Fewest credits first" },
};
