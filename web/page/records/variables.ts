import type { View } from "../address";
import type {
  AdjustmentsQueryVariables,
  ConversationsQueryVariables,
  ConversationUsageOrderField,
  CreditAdjustmentOrderField,
  DateTimeFilter,
  ImportsQueryVariables,
  ImportUsageOrderField,
  McpHttpCallOrderField,
  McpHttpCallsQueryVariables,
} from "../gql/graphql";
import { instantOf, nextDay } from "./days.ts";
import { ADJUSTMENT_TYPES, BILLING_TYPES, IMPORT_TYPES, isWordOf } from "./labels.ts";
import { type SortFields, sortingOf } from "./sorting.ts";

/** What each list is asked for, as the address says. What it says and is unknown, is ignored. */

export const PAGE_SIZE = 20;
export const SEARCH_LENGTH_MAX = 200;

/** Whose lists they are, and whether people are asked for. */
export interface Scope {
  workspaceId: string;
  canSeeUsers: boolean;
}

// The first one is what a list is sorted by where nothing else is chosen.
export const CONVERSATION_SORTS: SortFields<ConversationUsageOrderField> = [
  "UPDATED_AT",
  "CREDITS",
  "MESSAGE_COUNT",
];
export const CALL_SORTS: SortFields<McpHttpCallOrderField> = ["CREATED_AT", "CREDITS"];
export const IMPORT_SORTS: SortFields<ImportUsageOrderField> = ["CREATED_AT", "CREDITS"];
export const ADJUSTMENT_SORTS: SortFields<CreditAdjustmentOrderField> = ["CREATED_AT", "AMOUNT"];

export function conversationVariables(scope: Scope, view: View) {
  return {
    ...scope,
    ...pageOf(view),
    orderBy: sortingOf(view, CONVERSATION_SORTS),
    filterBy: {
      search: searchOf(view),
      updatedAt: datesOf(view),
      billingTypes: wordsOf(BILLING_TYPES, view),
    },
  } satisfies ConversationsQueryVariables;
}

export function callVariables(scope: Scope, view: View) {
  return {
    ...scope,
    ...pageOf(view),
    orderBy: sortingOf(view, CALL_SORTS),
    filterBy: { createdAt: datesOf(view), apiKeyIds: [...new Set(view.keys)].filter(Boolean) },
  } satisfies McpHttpCallsQueryVariables;
}

export function importVariables(scope: Scope, view: View) {
  return {
    ...scope,
    ...pageOf(view),
    orderBy: sortingOf(view, IMPORT_SORTS),
    filterBy: {
      createdAt: datesOf(view),
      importTypes: wordsOf(IMPORT_TYPES, view),
    },
  } satisfies ImportsQueryVariables;
}

export function adjustmentVariables({ workspaceId }: Pick<Scope, "workspaceId">, view: View) {
  return {
    workspaceId,
    ...pageOf(view),
    orderBy: sortingOf(view, ADJUSTMENT_SORTS),
    filterBy: {
      createdAt: datesOf(view),
      types: wordsOf(ADJUSTMENT_TYPES, view),
    },
  } satisfies AdjustmentsQueryVariables;
}

/** Whether a list is less than all there is. */
export function isFiltered({ filterBy }: { filterBy: object }): boolean {
  return Object.values(filterBy).some((filter) =>
    Array.isArray(filter) ? filter.length > 0 : filter !== null,
  );
}

function pageOf({ after, before }: View) {
  if (after) return { first: PAGE_SIZE, after };
  if (before) return { last: PAGE_SIZE, before };
  return { first: PAGE_SIZE };
}

/** The types that a list knows, each once. */
function wordsOf<Word extends string>(labels: Record<Word, string>, { types }: View): Word[] {
  return [...new Set(types)].filter((word) => isWordOf(labels, word));
}

function searchOf({ search }: View): string | null {
  const sought = search.replaceAll("\0", "").trim();
  // By characters, as the gateway counts them: half of one cannot be searched for.
  return [...sought].slice(0, SEARCH_LENGTH_MAX).join("") || null;
}

function datesOf({ dates, from, to }: View): DateTimeFilter | null {
  if (dates) return { quickPick: dates };
  const start = from && instantOf(from);
  const end = to && instantOf(nextDay(to));
  if (!start && !end) return null;
  if (start && end && start >= end) return null;
  return { range: { from: start, to: end } };
}
