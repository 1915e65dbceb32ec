import {
  createParser,
  parseAsArrayOf,
  parseAsIsoDate,
  parseAsString,
  parseAsStringLiteral,
  useQueryState,
  useQueryStates,
  type Values,
} from "nuqs";
import { useCallback, useEffect, useRef } from "react";
import { isSensible } from "./records/days";

/** The tabs of the records, as the address names them. */
export const TABS = ["conversations", "mcp-http-calls", "imports", "adjustments"] as const;
export type Tab = (typeof TABS)[number];

export const QUICK_PICKS = ["LAST_7_DAYS", "LAST_30_DAYS", "LAST_3_MONTHS"] as const;

const parseAsDay = createParser({
  ...parseAsIsoDate,
  parse: (text) => {
    const day = parseAsIsoDate.parse(text);
    return day && isSensible(day) ? day : null;
  },
});

/**
 * What is seen of a tab's list. It belongs to the tab and the workspace of the address: another tab
 * has its own, and another workspace begins afresh. What a list does not know is ignored by it, so
 * that an old or mistyped address still shows a page.
 */
const view = {
  search: parseAsString.withDefault(""),
  dates: parseAsStringLiteral(QUICK_PICKS),
  from: parseAsDay,
  to: parseAsDay,
  types: parseAsArrayOf(parseAsString).withDefault([]),
  keys: parseAsArrayOf(parseAsString).withDefault([]),
  sort: parseAsString,
  direction: parseAsStringLiteral(["ASC", "DESC"]),
  after: parseAsString,
  before: parseAsString,
};

const PLACE = {
  workspace: parseAsString,
  tab: parseAsStringLiteral(TABS).withDefault("conversations"),
  usage: parseAsStringLiteral(QUICK_PICKS).withDefault("LAST_30_DAYS"),
};

/** How a checkout page went that the person comes back from, and the name of their departure. */
const RETURN = {
  checkout: parseAsStringLiteral(["paid", "left"]),
  departure: parseAsString,
};

const everything = { ...PLACE, ...RETURN, ...view };
const NOWHERE = Object.fromEntries(Object.keys(view).map((name) => [name, null]));
const NO_RETURN = { checkout: null, departure: null };

/** The workspace of the address, and how to go to another: every tab begins afresh there. */
export function useWorkspaceId(): [string | null, (id: string | null) => void] {
  const [{ workspace }, set] = useQueryStates(everything, { history: "push" });
  const select = useCallback(
    (id: string | null) =>
      void set({ ...NOWHERE, ...NO_RETURN, tab: null, usage: null, workspace: id }),
    [set],
  );
  return [workspace || null, select]; // an empty one is none
}

/**
 * The tab of the address, and how to go to another, which shows what was seen of it last: for as
 * long as whoever asks for it is there.
 */
export function useTab(): [Tab, (tab: Tab) => void] {
  const [{ workspace: _workspace, usage: _usage, tab, ...seen }, set] = useQueryStates(everything, {
    history: "push",
  });
  const last = useRef<Partial<Record<Tab, View>>>({});
  useEffect(() => {
    last.current[tab] = seen;
  });
  const select = useCallback(
    (next: Tab) => void set({ ...NOWHERE, ...last.current[next], tab: next }),
    [set],
  );
  return [tab, select];
}

/** The time that the chart of the usage shows, whatever tab is open, and how to show another. */
export function useUsageRange() {
  return useQueryState("usage", PLACE.usage.withOptions({ history: "push" }));
}

export type View = Values<typeof view>;

/** What is seen of the list of the tab; each change is a step that the back button undoes. */
export function useView() {
  return useQueryStates(view, { history: "push" });
}

/** Whether the person comes back from a checkout page, and how to be done with that. */
export function useReturn() {
  const [comingBack, set] = useQueryStates(RETURN, { history: "replace" });
  return [comingBack, () => void set(NO_RETURN)] as const;
}
