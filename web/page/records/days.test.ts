import assert from "node:assert/strict";
import { test } from "node:test";
import { dayNamed, isSensible } from "./days.ts";

for (const name of ["1970-01-01", "2026-03-31", "9997-12-31"]) {
  test(`${name} is a day that something may be of`, () => assert.ok(isSensible(dayNamed(name))));
}

for (const name of ["0001-01-01", "1969-12-31", "9998-01-01", "2026-99-99", ""]) {
  test(`${JSON.stringify(name)} is none`, () => assert.ok(!isSensible(dayNamed(name))));
}
