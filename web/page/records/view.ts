import { notifications } from "@mantine/notifications";
import { useCallback, useEffect } from "react";
import type { CombinedError } from "urql";
import { useView, type View } from "../address";
import { addressOf, type SortFields, type Sorting, sortedBy, sortingOf } from "./sorting";

/** A change of what is seen; null takes something away. */
export type ViewChange = { [Name in keyof View]?: View[Name] | null };

/** Whether a change is a step that the back button undoes, as it is unless said otherwise. */
export interface Step {
  history: "push" | "replace";
}

const FIRST_PAGE = { after: null, before: null } satisfies ViewChange;
const UNFILTERED = {
  search: null,
  dates: null,
  from: null,
  to: null,
  types: null,
  keys: null,
} satisfies ViewChange;

const NO_SUCH_PAGE = {
  change: FIRST_PAGE,
  title: "This is the first page",
  message: "The page of the address belongs to other filters, or it is not there any more.",
};

/** What of the address the gateway refuses, by the code of the refusal, and what is done then. */
const REFUSED: Record<string, { change: ViewChange; title: string; message: string }> = {
  STALE_CURSOR: NO_SUCH_PAGE,
  INVALID_CURSOR: NO_SUCH_PAGE,
  INVALID_ID: {
    change: { ...FIRST_PAGE, keys: null },
    title: "These are the calls of all API keys",
    message: "The API keys of the address are not keys of this workspace.",
  },
};

/** What is seen of a list, and how to see something else of it. */
export function useRecordView() {
  const [view, set] = useView();
  /** See something else, from its first page. */
  const change = useCallback(
    (next: ViewChange, step?: Step) => void set({ ...next, ...FIRST_PAGE }, step),
    [set],
  );
  /** See what these filters let through, and no other ones. */
  const only = useCallback(
    (filters: ViewChange) => change({ ...UNFILTERED, ...filters }),
    [change],
  );
  const clear = useCallback(() => only({}), [only]);
  const turn = useCallback((page: ViewChange) => void set({ ...FIRST_PAGE, ...page }), [set]);
  return { view, change, only, clear, turn };
}

/**
 * Go on from an address that the gateway refuses a part of, such as a page of other filters:
 * without that part, and saying so. Returns the failures that are left.
 */
export function useRecovery(error: CombinedError | undefined): CombinedError | undefined {
  const [view, set] = useView();
  const codes = error?.graphQLErrors.map(({ extensions }) => String(extensions.code)) ?? [];
  const code = codes.find((each) => Object.hasOwn(REFUSED, each));
  const isStated = Boolean(view.after ?? view.before) || view.keys.length > 0;
  const refused = code && isStated ? REFUSED[code] : undefined;
  useEffect(() => {
    if (!refused) return;
    const { change, title, message } = refused;
    void set(change, { history: "replace" });
    notifications.show({ id: "address-refused", title, message });
  }, [refused, set]);
  return refused ? undefined : error;
}

/** How the list is sorted, and how to sort it another way. */
export function useSorting<Field extends string>(fields: SortFields<Field>) {
  const { view, change } = useRecordView();
  const sorting = sortingOf(view, fields);
  const sort = (next: Sorting<Field>) => change(addressOf(next, fields));
  const sortBy = (field: Field) => sort(sortedBy(field, sorting));
  return { sorting, sort, sortBy };
}
