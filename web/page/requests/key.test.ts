import assert from "node:assert/strict";
import { test } from "node:test";
import { newKey } from "./key.ts";

test("a key has 128 bits, each another", () => {
  const keys = Array.from({ length: 100 }, newKey);
  for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
  assert.equal(new Set(keys).size, keys.length);
});
