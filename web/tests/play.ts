// Play specs in one Chromium, as whoever started this process says, line by line of JSON:
//
//   > {"spec": {"file": "records", "sentence": "...", "demo": {...}}}
//   < {"wish": "kill the gateway"}    what only the other side can do; > {"granted": true}
//   < {"ended": {"failure": null}}    or what went wrong, and what was seen
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { chromium } from "playwright-core";
import { type Demo, House, type Wish } from "./house.ts";
import { specs } from "./spec.ts";

interface Asked {
  file: string;
  sentence: string;
  demo: Demo;
}

const DEADLINE_MILLISECONDS = 60_000;

const [executablePath] = process.argv.slice(2);
if (!executablePath) throw new Error("Say where Chromium is");

/** What went wrong beside a spec, where nobody waited for it: it fails the spec, and not all. */
const strays: unknown[] = [];
process.on("unhandledRejection", (reason) => strays.push(reason));

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", // it can reach nothing else
  ],
});
try {
  for (let asked = await read(); asked !== null; asked = await read()) {
    say({ ended: { failure: await play((asked as { spec: Asked }).spec) } });
  }
} finally {
  await browser.close();
}

/** Play a spec; return what went wrong. */
async function play({ file, sentence, demo }: Asked): Promise<string | null> {
  const house = new House(browser, demo, grant);
  try {
    await import(`./${file}.spec.ts`);
    const trial = specs.get(sentence);
    if (!trial) throw new Error(`${file}.spec.ts has no such spec: ${sentence}`);
    await Promise.race([trial(house), deadline()]);
    const complaints = [...house.complaints(), ...strays.splice(0).map(String)];
    return complaints.length > 0 ? `The browser complained:\n${complaints.join("\n")}` : null;
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [reason, ...house.complaints(), await house.seen()].join("\n\n");
  } finally {
    await house.close();
  }
}

/** Fail in the end, so that whatever a spec waits for, the next one can be played. */
async function deadline(): Promise<never> {
  await setTimeout(DEADLINE_MILLISECONDS, null, { ref: false });
  throw new Error(`The spec has not ended after ${DEADLINE_MILLISECONDS} ms`);
}

async function grant(wish: Wish): Promise<void> {
  say({ wish });
  await read();
}

function say(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function read(): Promise<unknown> {
  const { done, value } = await lines.next();
  return done ? null : JSON.parse(value);
}
