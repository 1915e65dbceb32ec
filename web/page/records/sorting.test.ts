import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, type SortFields, sortedBy, sortingOf } from "./sorting.ts";

const FIELDS: SortFields<"CREATED_AT" | "CREDITS"> = ["CREATED_AT", "CREDITS"];

test("a list is sorted by its first field, the highest first, unless the address says else", () => {
  assert.deepEqual(sortingOf({ sort: null, direction: null }, FIELDS), {
    field: "CREATED_AT",
    direction: "DESC",
  });
  assert.deepEqual(sortingOf({ sort: "CREDITS", direction: "ASC" }, FIELDS), {
    field: "CREDITS",
    direction: "ASC",
  });
  assert.equal(sortingOf({ sort: "TITLE", direction: null }, FIELDS).field, "CREATED_AT");
});

test("a header sorts by its field, and the other way round when it does already", () => {
  const newest = { field: "CREATED_AT", direction: "DESC" } as const;
  const most = sortedBy("CREDITS", newest);
  assert.deepEqual(most, { field: "CREDITS", direction: "DESC" });
  const fewest = sortedBy("CREDITS", most);
  assert.deepEqual(fewest, { field: "CREDITS", direction: "ASC" });
  assert.deepEqual(sortedBy("CREDITS", fewest), most);
});

test("the address says nothing of the list's own sorting", () => {
  assert.deepEqual(addressOf({ field: "CREATED_AT", direction: "DESC" }, FIELDS), {
    sort: null,
    direction: null,
  });
  assert.deepEqual(addressOf({ field: "CREDITS", direction: "ASC" }, FIELDS), {
    sort: "CREDITS",
    direction: "ASC",
  });
});
