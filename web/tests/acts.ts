import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Locator, Page } from "playwright-core";
import { GOOD_CARD } from "./cards.ts";
import type { Visitor } from "./visitor.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe says of a rule that something breaks. */
interface Violation {
  id: string;
  impact: string | null;
  nodes: { target: string[]; failureSummary: string }[];
}

/** Open the dialog of the plans. */
export async function plans({ page }: Visitor): Promise<Locator> {
  await page.getByRole("button", { name: "Change plan" }).click();
  const dialog = page.getByRole("dialog", { name: "Plans" });
  await dialog.getByRole("article", { name: "Team" }).waitFor();
  return dialog;
}

/** Pay on the Checkout page that is shown, as a person does; it leads back to the page. */
export async function pay(page: Page, card = GOOD_CARD): Promise<void> {
  await page.getByRole("form", { name: "Payment" }).waitFor();
  await page.getByLabel("Card number").fill(card);
  await page.getByRole("button", { name: /^(Pay|Subscribe for) / }).click();
}

/** Look for what keeps people with a disability out: no rule of axe is broken, but for minor ones. */
export async function isAccessible(page: Page): Promise<void> {
  await hasNoViolations(page, {});
}

/** Look whether everything can be read: what else axe looks for is the same in other colours. */
export async function isReadable(page: Page): Promise<void> {
  await hasNoViolations(page, { runOnly: ["color-contrast"] });
}

async function hasNoViolations(page: Page, rules: object): Promise<void> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  await isStill(page);
  const violations = await page.evaluate(async (rules) => {
    const { axe } = window as unknown as {
      axe: { run: (context: Document, options: object) => Promise<{ violations: Violation[] }> };
    };
    const { violations } = await axe.run(document, { resultTypes: ["violations"], ...rules });
    return violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      nodes: nodes.map(({ target, failureSummary }) => ({ target, failureSummary })),
    }));
  }, rules);
  const serious = violations.filter(({ impact }) => impact !== "minor");
  assert.deepEqual(serious, []);
}

/** Wait until nothing fades in or out any more: halfway, its colours are not those of the page. */
async function isStill(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    document.getAnimations().every(({ effect, playState }) => {
      const isEndless = effect?.getComputedTiming().iterations === Number.POSITIVE_INFINITY;
      return isEndless || playState !== "running";
    }),
  );
}

/** Nothing is wider than the window: the page as a whole scrolls one way only. */
export async function fits(page: Page): Promise<void> {
  const { scrollWidth, clientWidth } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { scrollWidth, clientWidth };
  });
  assert.ok(scrollWidth <= clientWidth, `the page is ${scrollWidth} wide in ${clientWidth}`);
}
