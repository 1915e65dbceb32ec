import assert from "node:assert/strict";
import { test } from "node:test";
import { CombinedError } from "@urql/core";
import { refusalOf, refusalOfFailure } from "./refusals.ts";

test("a refusal that people can act on has words of its own", () => {
  const refusal = refusalOf({ code: "PAYMENT_DECLINED", message: "Your card has expired." });
  assert.equal(refusal.title, "Your card was declined");
  assert.equal(refusal.canRetry, false);
});

test("a refusal without words of its own is told as the gateway tells it", () => {
  const refusal = refusalOf({ code: "NEW_IN_2030", message: "Not on a Sunday." });
  assert.equal(refusal.advice, "Not on a Sunday.");
  assert.equal(refusal.code, "NEW_IN_2030");
  assert.equal(refusal.canRetry, false);
});

test("what may have been done is asked for again under the same key", () => {
  for (const code of ["PAYMENTS_UNAVAILABLE", "IDEMPOTENCY_KEY_IN_USE"]) {
    assert.equal(refusalOf({ code, message: "" }).canRetry, true);
  }
  const lost = refusalOfFailure(new CombinedError({ networkError: new Error("lost") }));
  assert.equal(lost.canRetry, true);
});

test("an error of a query that has the code of a refusal is told as that refusal", () => {
  const error = new CombinedError({
    graphQLErrors: [{ message: "Due", extensions: { code: "PAST_DUE" } }],
  });
  assert.equal(refusalOfFailure(error).title, "A payment is due");
});

test("whoever is no longer signed in is not told to try again", () => {
  const error = new CombinedError({
    graphQLErrors: [{ message: "No", extensions: { code: "UNAUTHENTICATED" } }],
  });
  const refusal = refusalOfFailure(error);
  assert.equal(refusal.code, "session-over");
  assert.equal(refusal.canRetry, false);
});
