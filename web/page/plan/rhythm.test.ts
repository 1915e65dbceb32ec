import assert from "node:assert/strict";
import { test } from "node:test";
import { rhythmOf } from "./rhythm.ts";

test("a plan that refreshes brings its credits each month, also where it is paid by the year", () => {
  assert.equal(rhythmOf({ kind: "RECURRING", refreshes: true }), "a month");
});

test("a paid plan that does not refresh brings them with each payment", () => {
  for (const kind of ["RECURRING", "ONE_TIME"] as const) {
    assert.equal(rhythmOf({ kind, refreshes: false }), "for each period that is paid");
  }
});

test("Free that does not refresh brings them once", () => {
  assert.equal(rhythmOf({ kind: "FREE", refreshes: false }), "once, for a new workspace");
});
