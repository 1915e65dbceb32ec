import assert from "node:assert/strict";
import { test } from "node:test";
import { depletionOf } from "./depletion.ts";

const MAY = "2026-05-17T00:00:00Z";
const JUNE = "2026-06-17T00:00:00Z";
const NOTHING = { projectedDepletionAt: null, refreshesAt: null, nextExpiry: null };

test("credits are used up before others come or go", () => {
  const told = { projectedDepletionAt: MAY, refreshesAt: JUNE, nextExpiry: { expiresAt: JUNE } };
  assert.equal(depletionOf(told), MAY);
  assert.equal(depletionOf({ ...NOTHING, projectedDepletionAt: MAY }), MAY);
});

test("nothing is projected beyond a refresh or an expiry", () => {
  const told = { ...NOTHING, projectedDepletionAt: JUNE };
  assert.equal(depletionOf({ ...told, refreshesAt: MAY }), null);
  assert.equal(depletionOf({ ...told, nextExpiry: { expiresAt: MAY } }), null);
});

test("what is never used up is not told", () => assert.equal(depletionOf(NOTHING), null));
