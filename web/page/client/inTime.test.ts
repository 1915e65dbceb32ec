import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { fetchInTime, PATIENCE_MILLISECONDS } from "./inTime.ts";

const server = createServer((request, response) => {
  if (request.url === "/answer") response.end("answer"); // and nothing else
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
after(() => {
  server.closeAllConnections();
  server.close();
});

test("what is answered in time is answered", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const answer = await fetchInTime(`${address}/answer`);
  mock.timers.tick(PATIENCE_MILLISECONDS - 1);
  assert.equal(await answer.text(), "answer");
});

test("what is never answered fails, and not before its time", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let failure: unknown = null;
  const asked = fetchInTime(`${address}/nothing`).catch((error) => {
    failure = error;
  });
  mock.timers.tick(PATIENCE_MILLISECONDS - 1);
  await new Promise(setImmediate);
  assert.equal(failure, null);
  mock.timers.tick(1);
  await asked;
  assert.equal((failure as unknown as DOMException).name, "TimeoutError");
});

test("what nobody waits for any more is not fetched on", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const leaving = new AbortController();
  const asked = fetchInTime(`${address}/nothing`, { signal: leaving.signal });
  leaving.abort();
  await assert.rejects(asked, { name: "AbortError" });
});
