import assert from "node:assert/strict";
import { test } from "node:test";
import { trusted } from "./addresses.ts";

for (const address of [
  "https://checkout.stripe.com/c/pay/cs_1#fragment",
  "http://127.0.0.1:12111/c/pay/cs_1",
  "http://localhost:12111/",
  "http://[::1]:12111/",
]) {
  test(`${address} is followed`, () => assert.equal(trusted(address), address));
}

for (const address of [
  "http://checkout.stripe.com/c/pay/cs_1",
  "http://127.0.0.1.evil.example/",
  "http://localhost@evil.example/",
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "//checkout.stripe.com/",
  "/graphiql",
  "",
]) {
  test(`${JSON.stringify(address)} is not followed`, () => assert.equal(trusted(address), null));
}
