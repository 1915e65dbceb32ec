import assert from "node:assert/strict";
import { test } from "node:test";
import { isWebAddress } from "./webAddress.ts";

for (const address of [
  "https://shop.example/a?b=c#d",
  "http://shop.example",
  "HTTPS://shop.example/",
]) {
  test(`${address} is an address of the web`, () => assert.ok(isWebAddress(address)));
}

for (const text of [
  "",
  "javascript:alert(1)",
  " JavaScript:alert(1)",
  "java\nscript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:https://shop.example/1",
  "//shop.example/path",
  "shop.example",
  "https://",
]) {
  test(`${JSON.stringify(text)} is none`, () => assert.ok(!isWebAddress(text)));
}
