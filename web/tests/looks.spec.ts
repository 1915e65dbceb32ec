import assert from "node:assert/strict";
import { fits, isAccessible, isReadable, plans } from "./acts.ts";
import { spec } from "./spec.ts";
import type { Visitor } from "./visitor.ts";

const STUDIO = "Northwind Studio";
const CAFE = "Café Lumière";
const TABS = ["MCP-HTTP calls", "Import usage", "Credit adjustments", "Conversations"];
const PHONE = { width: 320, height: 740 };

spec("axe finds nothing in any tab, dialog or state of the page", async (house) => {
  const olivia = await house.visit("owner", CAFE, { colorScheme: "light" });
  await everyState(olivia, isAccessible);
});

spec("When the page is dark everything on it can be read as well", async (house) => {
  const olivia = await house.visit("owner", CAFE, { colorScheme: "dark" });
  await everyState(olivia, isReadable);
});

spec("axe finds nothing in what others than the owner see, nor where nothing is", async (house) => {
  for (const [role, workspace] of [
    ["member", STUDIO],
    ["owner", "Untitled workspace"],
    ["owner", undefined],
  ] as const) {
    const visitor = await house.visit(role, workspace);
    await visitor.isQuiet();
    await isAccessible(visitor.page);
    await visitor.leave();
  }
});

spec(
  "At a phone's width nothing is wider than the screen, and rows name their values",
  async (house) => {
    const olivia = await house.visit("owner", CAFE, PHONE);
    await everyState(olivia, fits);
    const [row] = await olivia.rows();
    assert.ok(row);
    const title = row.locator("[data-label=Title]");
    const label = await title.evaluate((cell) => getComputedStyle(cell, "::before").content);
    assert.match(label, /Title/);
  },
);

spec("What one touches in a row is 24 pixels wide and high at least", async (house) => {
  const olivia = await house.visit("owner", CAFE, PHONE);
  const [row] = await olivia.rows();
  assert.ok(row);
  const targets = await row.getByRole("button").all();
  assert.equal(targets.length, 2);
  for (const target of targets) {
    const { width, height } = (await target.boundingBox()) ?? { width: 0, height: 0 };
    assert.ok(width >= 24 && height >= 24, `${width} by ${height}`);
  }
});

spec("Where people choose the colours, the chart's kinds and its time are seen", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  const { page } = olivia;
  await page.emulateMedia({ forcedColors: "active" });
  const usage = page.getByRole("region", { name: "Usage", exact: true });
  const kinds = usage.locator("[data-kind=MESSAGE]");
  await kinds.first().waitFor();

  const canvas = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  for (const kind of await kinds.all()) {
    const colour = await kind.evaluate((element) => getComputedStyle(element).backgroundColor);
    assert.notEqual(colour, canvas);
  }
  const outlineOf = (label: string) =>
    usage.getByText(label, { exact: true }).evaluate((text) => {
      const option = text.closest("label");
      return option && getComputedStyle(option).outlineStyle;
    });
  assert.equal(await outlineOf("30 days"), "solid");
  assert.equal(await outlineOf("7 days"), "none");
});

spec("A loader is in the middle of its button also where nothing moves", async (house) => {
  const olivia = await house.visit("owner", CAFE);
  const { page } = olivia;
  await page.getByRole("button", { name: "Customer portal" }).waitFor();
  let answer = () => {};
  const isAsked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await page.route("**/graphql", async (route) => {
    await isAsked;
    await route.abort();
  });
  olivia.expect(/Failed to load resource/);
  await page.getByRole("button", { name: "Customer portal" }).click();
  const loader = page.locator(".mantine-Button-loader");
  await loader.waitFor();

  const [button, drawn] = await Promise.all([
    page.locator("button").filter({ has: loader }).boundingBox(),
    loader.boundingBox(),
  ]);
  assert.ok(button && drawn);
  const middle = (box: typeof button) => [box.x + box.width / 2, box.y + box.height / 2];
  const [x = 0, y = 0] = middle(button).map((each, axis) => each - (middle(drawn)[axis] ?? 0));
  assert.ok(Math.abs(x) <= 1 && Math.abs(y) <= 1, `it is off by ${x} and ${y}`);
  answer();
  await loader.waitFor({ state: "detached" });
});

spec("The page is dark on a device that is, and otherwise where one chooses so", async (house) => {
  const dark = await house.visit("owner", STUDIO, { colorScheme: "dark" });
  const light = await house.visit("owner", STUDIO, { colorScheme: "light" });
  const isDark = (visitor: Visitor) =>
    visitor.page.evaluate(() => {
      const [red = 0] = getComputedStyle(document.body).backgroundColor.match(/\d+/g) ?? [];
      return Number(red) < 64;
    });
  assert.ok(await isDark(dark));
  assert.ok(!(await isDark(light)));

  await light.page.getByRole("button", { name: "Appearance: as on your device" }).click();
  await light.page.getByRole("button", { name: "Appearance: light" }).click();
  await light.page.getByRole("button", { name: "Appearance: dark" }).waitFor();
  assert.ok(await isDark(light));
  await light.page.reload();
  await light.rows();
  assert.ok(await isDark(light));
});

spec("Dates, numbers and money are written as where the person is", async (house) => {
  const view = { tab: "adjustments", types: "CREDIT_PACKAGE_PURCHASE" };
  const [american, german] = await Promise.all([
    house.visit("owner", STUDIO, { view, locale: "en-US" }),
    house.visit("owner", STUDIO, { view, locale: "de-DE" }),
  ]);
  assert.match((await american.column("Amount"))[0] ?? "", /^\+\d,\d{3}$/);
  assert.match((await german.column("Amount"))[0] ?? "", /^\+\d\.\d{3}$/);
  assert.match((await american.column("Detail"))[0] ?? "", /for \$\d+\.00/);
  assert.match((await german.column("Detail"))[0] ?? "", /for \d+,00\s\$/);
  assert.match(
    (await american.column("Created at"))[0] ?? "",
    /^[A-Z]\w\w \d+, \d{4}, \d+:\d\d\s[AP]M$/,
  );
  assert.match((await german.column("Created at"))[0] ?? "", /^\d\d\.\d\d\.\d{4}, \d\d:\d\d$/);
});

spec("A language that there is none of leaves the page in the browser's own", async (house) => {
  for (const languages of [["C"], ["en-US@posix"], []]) {
    const olivia = await house.visitor("owner");
    await olivia.page.addInitScript((tags) => {
      Object.defineProperty(navigator, "languages", { get: () => tags });
    }, languages);
    await olivia.open(house.at(STUDIO));
    await olivia.rows();
    await olivia.sees(/^1–20 of [\d,]+ conversations$/);
    await olivia.leave();
  }
});

spec("Times are those of the person's clock", async (house) => {
  const [here, there] = await Promise.all([
    house.visit("owner", STUDIO, { timezoneId: "UTC", locale: "de-DE" }),
    house.visit("owner", STUDIO, { timezoneId: "Asia/Kolkata", locale: "de-DE" }),
  ]);
  const [ours = ""] = await here.column("Updated at");
  const [theirs = ""] = await there.column("Updated at");

  const minutes = (text: string) => {
    const [hour = 0, minute = 0] = text.split(", ")[1]?.split(":").map(Number) ?? [];
    return hour * 60 + minute;
  };
  assert.equal((minutes(theirs) - minutes(ours) + 1440) % 1440, 330);
});

spec("Whose days the calendar shows is said, in the digits of the person", async (house) => {
  const view = { from: "2026-02-03", to: "2026-02-04" };
  const looks = { locale: "ar-EG", timezoneId: "Pacific/Kiritimati", view };
  const olivia = await house.visit("owner", STUDIO, looks);
  await olivia.page.getByRole("group", { name: "Dates" }).getByRole("button").last().click();
  await olivia.sees(/^Days by your clock: .*١٤/);
  await olivia.page.getByRole("dialog").getByText("٢٨", { exact: true }).waitFor();

  await olivia.page.keyboard.press("Escape");
  const asked = olivia.asked.findLast(({ operation }) => operation === "Conversations");
  const range = { from: "2026-02-02T10:00:00.000Z", to: "2026-02-04T10:00:00.000Z" };
  assert.ok(asked);
  assert.deepEqual((asked.variables.filterBy as { updatedAt: unknown }).updatedAt, { range });
});

spec("Plans line up, those that renew and those that are paid once", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  const dialog = await plans(olivia);
  const place = async (plan: string, text: string | RegExp) => {
    const card = dialog.getByRole("article", { name: plan });
    const [box, line] = await Promise.all([
      card.boundingBox(),
      card.getByText(text).first().boundingBox(),
    ]);
    assert.ok(box && line);
    const [left, width, down] = [box.x, box.width, line.y - box.y].map(Math.round);
    return { left, width, down };
  };
  const [free, pro, pass] = await Promise.all([
    place("Free", /credits a month$/),
    place("Pro", /credits a month$/),
    place("Launch Pass", /credits a month$/),
  ]);
  assert.equal(pro.width, free.width);
  assert.equal(pro.down, free.down);
  assert.deepEqual(pass, free);
});

spec("The sign of a link that opens a new tab stands beside its text", async (house) => {
  const olivia = await house.visit("owner", STUDIO, { view: { tab: "imports" } });
  const links = await (await olivia.table()).getByRole("link").all();
  const places = await Promise.all(
    links.map((link) =>
      link.evaluate((element) => {
        const [text, sign] = [...element.querySelectorAll("span, svg")].map((each) =>
          each.getBoundingClientRect(),
        );
        if (!text || !sign) return null;
        return { left: sign.left - text.right, isBelow: sign.top >= text.bottom };
      }),
    ),
  );
  assert.equal(places.length, 20);
  for (const place of places) assert.deepEqual(place, { left: 4, isBelow: false });
});

spec("An address of two thousand characters takes no more lines than a title", async (house) => {
  const workspace = await house.open("Far away");
  const importUrl = `https://shop.example/${"p".repeat(1_900)}`;
  await house.host.record(workspace, [
    { import: { taskId: "task", importType: "BRAND", credits: 1, importUrl } },
  ]);
  for (const looks of [{}, PHONE]) {
    const olivia = await house.visit("owner", "Far away", { ...looks, view: { tab: "imports" } });
    const link = (await olivia.table()).getByRole("link");
    const { height = 0 } = (await link.boundingBox()) ?? {};
    assert.ok(height > 40 && height < 80, `${height}`);
    assert.equal(await link.getAttribute("href"), importUrl);
    await fits(olivia.page);
    await olivia.leave();
  }
});

spec("Everything is reached and done with the keyboard alone", async (house) => {
  const olivia = await house.visit("owner", CAFE);
  const { page } = olivia;
  await olivia.rows();
  const met = new Set<string>();
  for (let steps = 0; steps < 60; steps += 1) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return "";
      const isOutlined = getComputedStyle(element).outlineStyle !== "none";
      const isFramed = element.matches("input, select, [tabindex='0']");
      const label = element.getAttribute("aria-label") ?? element.textContent ?? "";
      return isOutlined || isFramed ? label.trim() : `without a sign of the focus: ${label}`;
    });
    met.add(name);
    if (name.startsWith("Copy the")) break;
  }
  for (const name of met) assert.ok(!name.startsWith("without"), name);
  for (const name of ["Change plan", "Customer portal", "Undo", "Buy credits", "30 days"]) {
    assert.ok(met.has(name), `${name} was not met: ${[...met].join(" | ")}`);
  }

  await page.getByRole("tab", { name: "Conversations" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "MCP-HTTP calls", selected: true }).waitFor();
  await olivia.rows();
  await page.getByRole("button", { name: "Change plan" }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Plans" });
  await dialog.getByRole("article", { name: "Team" }).waitFor();
  for (let steps = 0; steps < 25; steps += 1) {
    await page.keyboard.press("Tab");
    assert.ok(await dialog.evaluate((element) => element.contains(document.activeElement)));
  }
  await page.keyboard.press("Escape");
  await olivia.focuses(page.getByRole("button", { name: "Change plan" }));
});

spec(
  "The keyboard passes the list of workspaces, which opens when it is asked to",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO);
    const { page } = olivia;
    await olivia.rows();
    const switcher = page.getByRole("combobox", { name: "Workspace" });
    const next = page.getByRole("button", { name: /Signed in as/ });
    await switcher.focus();
    await page.keyboard.press("Tab");
    await olivia.focuses(next);

    await page.keyboard.press("Shift+Tab");
    await olivia.focuses(switcher);
    assert.equal(await switcher.getAttribute("aria-expanded"), "false");
    await page.keyboard.press("ArrowDown");
    await page.getByRole("option", { name: STUDIO }).waitFor();
    await page.keyboard.press("Tab");
    await olivia.focuses(next);
  },
);

spec("The chart is also a table, and its time is chosen", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  const usage = olivia.page.getByRole("region", { name: "Usage", exact: true });
  await usage.getByRole("button", { name: "Show as table" }).click();
  const table = usage.getByRole("table", { name: /^Credits used each day/ });
  const rows = table.getByRole("row");
  await olivia.counts(rows, 31);
  await olivia.asks("UsageSeries", () => usage.getByText("7 days").click());
  await olivia.counts(rows, 8);
  await olivia.asks("UsageSeries", () => usage.getByText("3 months").click());
  await usage.getByRole("table", { name: /^Credits used each week/ }).waitFor();

  // It is in the address: shared, left with the page's first request, and undone by going back.
  const amir = await house.visitor("admin");
  await amir.open(olivia.page.url());
  const chart = amir.page.getByRole("region", { name: "Usage", exact: true });
  await chart.getByText("Credits used each week (UTC)").waitFor();
  await amir.rows();
  assert.deepEqual(amir.operations().toSorted(), ["Conversations", "Page"]);
  await olivia.page.goBack();
  await olivia.counts(rows, 8);
  assert.equal(olivia.address().usage, "LAST_7_DAYS");
});

spec("The overview tells what the gateway tells", async (house) => {
  const { workspace } = await house.host.ask<{ workspace: Overview }>(OVERVIEW, {
    id: house.workspace(CAFE),
  });
  const { creditBalance: credits, subscription } = workspace;
  const day = (at: string) =>
    new Date(at).toLocaleDateString("en-US", { dateStyle: "medium", timeZone: "UTC" });
  const olivia = await house.visit("owner", CAFE);

  await olivia.sees(`${credits.remaining.toLocaleString("en-US")} remaining`);
  const told = (await olivia.page.getByRole("region", { name: "Credits" }).textContent()) ?? "";
  for (const part of [credits.recurring, credits.purchased, credits.granted]) {
    assert.ok(told.includes(part.toLocaleString("en-US")), `${part} in ${told}`);
  }
  assert.ok(told.includes(day(credits.refreshesAt)));
  assert.ok(told.includes(day(credits.nextExpiry.expiresAt)));
  const plan = (await olivia.page.getByRole("region", { name: "Plan" }).textContent()) ?? "";
  assert.match(plan, /Team\$990\.00 a year/);
  assert.match(plan, /yearly/i);
  assert.ok(plan.includes(day(subscription.currentPeriodEnd)));
  const { pendingChange } = subscription;
  assert.ok(
    plan.includes(`${pendingChange.plan.name}, yearly on ${day(pendingChange.effectiveAt)}`),
  );
});

interface Overview {
  creditBalance: {
    remaining: number;
    recurring: number;
    purchased: number;
    granted: number;
    refreshesAt: string;
    nextExpiry: { expiresAt: string };
  };
  subscription: {
    currentPeriodEnd: string;
    pendingChange: { plan: { name: string }; effectiveAt: string };
  };
}

const OVERVIEW = `query ($id: ID!) {
  workspace(id: $id) {
    creditBalance {
      remaining recurring purchased granted refreshesAt nextExpiry { expiresAt }
    }
    subscription { currentPeriodEnd pendingChange { plan { name } effectiveAt } }
  }
}`;

/** Show everything of a page that can be shown without changing anything, and look at each. */
async function everyState(
  visitor: Visitor,
  look: (page: Visitor["page"]) => Promise<void>,
): Promise<void> {
  const { page } = visitor;
  for (const tab of TABS) {
    await page.getByRole("tab", { name: tab }).click();
    await visitor.rows();
    await look(page);
  }
  await page.getByRole("button", { name: "30 days" }).click();
  await page.getByRole("button", { name: "Clear filters" }).waitFor();
  await visitor.isQuiet(); // what waits to be replaced is dimmed
  await page.getByRole("button", { name: "All types" }).click();
  await page.getByRole("checkbox", { name: "Messages" }).waitFor();
  await look(page);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Pick dates" }).click();
  await page.getByText("Pick the first day and the last one").waitFor();
  await look(page);
  await page.getByRole("button", { name: "Previous month" }).click();
  await look(page); // here the days of the months around can be picked, too
  await page.keyboard.press("Escape");
  for (const [button, inside] of [
    [/show the billing detail/, /\d charges?$/],
    ["Change plan", "Plans that renew"],
    ["Buy credits", "Packs"],
    ["Undo", "Undo the change"],
  ] as const) {
    await page.getByRole("button", { name: button }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(inside, { exact: true }).waitFor();
    await look(page);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  }
}
