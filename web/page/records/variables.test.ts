import assert from "node:assert/strict";
import { test } from "node:test";
import type { View } from "../address";
import {
  adjustmentVariables,
  callVariables,
  conversationVariables,
  importVariables,
  isFiltered,
  SEARCH_LENGTH_MAX,
} from "./variables.ts";

process.env.TZ = "America/New_York";

const SCOPE = { workspaceId: "northwind", canSeeUsers: true };

const seen = (view: Partial<View> = {}): View => ({
  search: "",
  dates: null,
  from: null,
  to: null,
  types: [],
  keys: [],
  sort: null,
  direction: null,
  after: null,
  before: null,
  ...view,
});

const day = (name: string) => new Date(`${name}T00:00:00Z`);
const datesOf = (view: Partial<View>) => callVariables(SCOPE, seen(view)).filterBy.createdAt;
const searchOf = (search: string) => conversationVariables(SCOPE, seen({ search })).filterBy.search;

test("a bare address asks for the first page of everything, the newest first", () => {
  assert.deepEqual(conversationVariables(SCOPE, seen()), {
    workspaceId: "northwind",
    canSeeUsers: true,
    first: 20,
    orderBy: { field: "UPDATED_AT", direction: "DESC" },
    filterBy: { search: null, updatedAt: null, billingTypes: [] },
  });
  assert.deepEqual(adjustmentVariables(SCOPE, seen()), {
    workspaceId: "northwind",
    first: 20,
    orderBy: { field: "CREATED_AT", direction: "DESC" },
    filterBy: { createdAt: null, types: [] },
  });
});

test("each list is asked for what the address says of it", () => {
  const dates = "LAST_30_DAYS";
  assert.deepEqual(
    conversationVariables(
      SCOPE,
      seen({ search: " linen ", dates, types: ["MESSAGE", "VIDEO_GENERATION"], sort: "CREDITS" }),
    ),
    {
      ...SCOPE,
      first: 20,
      orderBy: { field: "CREDITS", direction: "DESC" },
      filterBy: {
        search: "linen",
        updatedAt: { quickPick: dates },
        billingTypes: ["MESSAGE", "VIDEO_GENERATION"],
      },
    },
  );
  assert.deepEqual(callVariables(SCOPE, seen({ keys: ["zapier"], direction: "ASC" })), {
    ...SCOPE,
    first: 20,
    orderBy: { field: "CREATED_AT", direction: "ASC" },
    filterBy: { createdAt: null, apiKeyIds: ["zapier"] },
  });
  assert.deepEqual(importVariables(SCOPE, seen({ types: ["BRAND"], sort: "CREDITS" })), {
    ...SCOPE,
    first: 20,
    orderBy: { field: "CREDITS", direction: "DESC" },
    filterBy: { createdAt: null, importTypes: ["BRAND"] },
  });
  assert.deepEqual(
    adjustmentVariables(SCOPE, seen({ types: ["CREDIT_REFUND"], sort: "AMOUNT" })).filterBy,
    { createdAt: null, types: ["CREDIT_REFUND"] },
  );
});

test("words that a list does not know are ignored", () => {
  const view = seen({ types: ["MESSAGE", "BRAND", "toString", ""], sort: "AMOUNT" });

  assert.deepEqual(conversationVariables(SCOPE, view).filterBy.billingTypes, ["MESSAGE"]);
  assert.deepEqual(importVariables(SCOPE, view).filterBy.importTypes, ["BRAND"]);
  assert.deepEqual(adjustmentVariables(SCOPE, view).filterBy.types, []);
  assert.equal(conversationVariables(SCOPE, view).orderBy.field, "UPDATED_AT");
  assert.equal(adjustmentVariables(SCOPE, view).orderBy.field, "AMOUNT");
  assert.deepEqual(callVariables(SCOPE, seen({ keys: [""] })).filterBy.apiKeyIds, []);
});

test("words that are said twice are asked for once", () => {
  const view = seen({ types: ["BRAND", "BRAND"], keys: ["zapier", "zapier"] });

  assert.deepEqual(importVariables(SCOPE, view).filterBy.importTypes, ["BRAND"]);
  assert.deepEqual(callVariables(SCOPE, view).filterBy.apiKeyIds, ["zapier"]);
});

test("a page is asked for from one of its ends", () => {
  const { first, after } = conversationVariables(SCOPE, seen({ after: "here" }));
  assert.deepEqual({ first, after }, { first: 20, after: "here" });

  const back = importVariables(SCOPE, seen({ before: "here" }));
  assert.deepEqual({ last: back.last, before: back.before }, { last: 20, before: "here" });
  assert.ok(!("first" in back));

  const both = callVariables(SCOPE, seen({ after: "here", before: "there" }));
  assert.ok(!("last" in both) && !("before" in both), "only one end");
});

test("days are the person's own, from midnight to midnight", () => {
  assert.deepEqual(datesOf({ from: day("2026-03-01"), to: day("2026-03-31") }), {
    // The clocks have gone forward in between.
    range: { from: "2026-03-01T05:00:00.000Z", to: "2026-04-01T04:00:00.000Z" },
  });
  assert.deepEqual(datesOf({ from: day("2026-12-31"), to: day("2026-12-31") }), {
    range: { from: "2026-12-31T05:00:00.000Z", to: "2027-01-01T05:00:00.000Z" },
  });
});

test("days can be open at either end", () => {
  assert.deepEqual(datesOf({ from: day("2026-07-01") }), {
    range: { from: "2026-07-01T04:00:00.000Z", to: null },
  });
  assert.deepEqual(datesOf({ to: day("2026-07-01") }), {
    range: { from: null, to: "2026-07-02T04:00:00.000Z" },
  });
});

test("days that end before they begin are ignored", () => {
  assert.equal(datesOf({ from: day("2026-07-02"), to: day("2026-07-01") }), null);
});

test("a quick pick is taken instead of days", () => {
  assert.deepEqual(datesOf({ dates: "LAST_7_DAYS", from: day("2026-07-01") }), {
    quickPick: "LAST_7_DAYS",
  });
});

test("a search is trimmed, and cut where the gateway would refuse it", () => {
  assert.equal(searchOf("   "), null);
  assert.equal(searchOf("a\0b"), "ab");
  assert.equal(searchOf("100% <b>"), "100% <b>");
  assert.equal(searchOf("x".repeat(SEARCH_LENGTH_MAX + 1)), "x".repeat(SEARCH_LENGTH_MAX));
  // No half of a character is left at the end.
  assert.equal(searchOf("🧦".repeat(SEARCH_LENGTH_MAX + 1)), "🧦".repeat(SEARCH_LENGTH_MAX));
});

test("only what lets less through is a filter", () => {
  assert.ok(!isFiltered(conversationVariables(SCOPE, seen({ sort: "CREDITS", after: "here" }))));
  assert.ok(!isFiltered(conversationVariables(SCOPE, seen({ search: " ", types: ["BRAND"] }))));
  assert.ok(isFiltered(conversationVariables(SCOPE, seen({ search: "linen" }))));
  assert.ok(isFiltered(importVariables(SCOPE, seen({ dates: "LAST_7_DAYS" }))));
  assert.ok(isFiltered(callVariables(SCOPE, seen({ keys: ["zapier"] }))));
});
