import assert from "node:assert/strict";
import { spec } from "./spec.ts";
import type { Visitor } from "./visitor.ts";

const STUDIO = "Northwind Studio";

const TOTALS = `query ($workspace: ID!, $filterBy: ConversationUsageFilter) {
  workspace(id: $workspace) {
    conversationUsage(first: 1, filterBy: $filterBy) {
      summary { messageCount credits conversationCount }
    }
  }
}`;

interface Totals {
  workspace: {
    conversationUsage: {
      summary: { messageCount: number; credits: number; conversationCount: number };
    };
  };
}

const COLUMNS = {
  conversations: [
    "Conversation ID",
    "Title",
    "Message count",
    "Credits",
    "User",
    "Billing type",
    "Updated at",
  ],
  "mcp-http-calls": ["Call ID", "API key name", "Credits", "User", "Created at"],
  imports: ["Task ID", "Import type", "Import URL", "Credits", "User", "Created at"],
  adjustments: ["Type", "Amount", "Detail", "Created at"],
};

const TABS: [name: string, operation: string, tab: keyof typeof COLUMNS][] = [
  ["MCP-HTTP calls", "McpHttpCalls", "mcp-http-calls"],
  ["Import usage", "Imports", "imports"],
  ["Credit adjustments", "Adjustments", "adjustments"],
  ["Conversations", "Conversations", "conversations"],
];

spec(
  "Each of the four tabs shows its columns, and is asked for when it is opened",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO);
    await olivia.rows();
    for (const [name, operation, tab] of TABS) {
      const before = olivia.asked.length;
      await olivia.page.getByRole("tab", { name }).click();
      await olivia.rows();

      const headers = await olivia.page.getByRole("columnheader").allInnerTexts();
      assert.deepEqual(
        headers.map((each) => each.trim()),
        COLUMNS[tab],
      );
      assert.deepEqual(olivia.operations().slice(before), [operation]);
    }
  },
);

spec("Each change of a filter, the sort or the page is one request", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  const { page } = olivia;
  const changes: [what: string, change: () => Promise<unknown>][] = [
    ["30 days", () => page.getByRole("button", { name: "30 days" }).click()],
    ["all types", () => page.getByRole("button", { name: "All types" }).click()],
    ["messages", () => page.getByRole("checkbox", { name: "Messages" }).check()],
    ["videos", () => page.getByRole("checkbox", { name: "Video generation" }).check()],
    ["close", () => page.keyboard.press("Escape")],
    ["a search", () => page.getByRole("searchbox").pressSequentially("re")],
    ["the menu", () => page.getByLabel("Sort by").selectOption("Most credits first")],
    ["a header", () => page.getByRole("button", { name: "Message count", exact: true }).click()],
    ["clear", () => page.getByRole("button", { name: "Clear filters" }).click()],
    ["a page", () => page.getByRole("button", { name: "Next" }).click()],
  ];
  await olivia.rows();
  await olivia.isQuiet();
  for (const [what, change] of changes) {
    const before = olivia.asked.length;
    const isFilter = !["all types", "close"].includes(what);
    if (isFilter) await olivia.asks("Conversations", change);
    else await change();
    await olivia.rows();
    await olivia.isQuiet();

    const expected = isFilter ? ["Conversations"] : [];
    assert.deepEqual(olivia.operations().slice(before), expected, what);
  }
});

spec(
  "While filters are active, and only then, the summary tells their exact totals",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO);
    await olivia.rows();
    assert.equal(await olivia.page.getByRole("button", { name: "Clear filters" }).count(), 0);

    await olivia.page.getByRole("button", { name: "3 months" }).click();
    await olivia.page.getByRole("button", { name: "All types" }).click();
    await olivia.page.getByRole("checkbox", { name: "Messages" }).check();
    await olivia.page.keyboard.press("Escape");
    await olivia.rows();

    const { workspace } = await house.host.ask<Totals>(TOTALS, {
      workspace: house.workspace(STUDIO),
      filterBy: { updatedAt: { quickPick: "LAST_3_MONTHS" }, billingTypes: ["MESSAGE"] },
    });
    const { messageCount, credits, conversationCount } = workspace.conversationUsage.summary;
    assert.deepEqual(await summary(olivia), {
      messages: messageCount.toLocaleString("en-US"),
      credits: credits.toLocaleString("en-US"),
      conversations: conversationCount.toLocaleString("en-US"),
    });
    await olivia.page
      .getByRole("status")
      .filter({ hasText: `${conversationCount.toLocaleString("en-US")} conversations` })
      .waitFor({ state: "attached" });

    await olivia.page.getByRole("button", { name: "Clear filters" }).click();
    await olivia.rows();
    assert.deepEqual(olivia.address(), { workspace: house.workspace(STUDIO) });
    assert.equal(await olivia.page.getByRole("button", { name: "Clear filters" }).count(), 0);
  },
);

spec("A search finds a conversation by its ID, its title or who began it", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  const [id] = await olivia.column("Conversation ID");
  const [title] = (await olivia.column("Title")).filter((each) => /^[\w :]+$/.test(each));
  const [name] = await olivia.column("User");
  assert.ok(id && title && name);
  const search = olivia.page.getByRole("searchbox", { name: "Search by ID, title or creator" });

  for (const [text, column] of [
    [id, "Conversation ID"],
    [title.toUpperCase(), "Title"],
    [name, "User"],
  ] as const) {
    const asked = await olivia.asks("Conversations", async () => {
      await search.fill(text);
      await search.press("Enter");
    });
    assert.equal((asked.variables.filterBy as { search: string }).search, text);
    const found = await olivia.column(column);
    assert.ok(found.length > 0);
    for (const each of found) assert.ok(each.toLowerCase().includes(text.toLowerCase()), each);
  }
});

spec("What one types into the search in one go is one step, and spaces are none", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  const { page } = olivia;
  const search = page.getByRole("searchbox");
  const steps = () => page.evaluate(() => history.length);
  await olivia.rows();
  const before = await steps();
  for (const letter of ["r", "e"]) {
    await olivia.asks("Conversations", () => search.press(letter));
    await olivia.rows();
  }
  await search.press("Space");
  await pause(olivia);

  assert.equal(olivia.address().search, "re");
  assert.equal(await search.inputValue(), "re ");
  assert.equal(await steps(), before + 1);
  await page.goBack();
  await olivia.holds(search, "");
  assert.deepEqual(olivia.address(), { workspace: house.workspace(STUDIO) });
});

spec(
  "What was typed is not sought any more once the filters are cleared, or one goes back",
  async (house) => {
    const olivia = await house.visitor("owner");
    const { page } = olivia;
    const search = page.getByRole("searchbox");
    const studio = { workspace: house.workspace(STUDIO) };
    // What is typed is sought after a pause: however slow this machine is, it is over when we say so.
    await page.clock.install();
    await olivia.open(house.at(STUDIO, { dates: "LAST_3_MONTHS" }));
    await olivia.rows();
    const stop = async () =>
      page.clock.pauseAt(await page.evaluate(() => new Date(Date.now() + 1_000).toISOString()));
    const goOn = async () => {
      await page.clock.runFor(1_000);
      await page.clock.resume();
      await olivia.isQuiet();
      await olivia.rows();
    };

    await stop();
    await search.fill("linen");
    await page.getByRole("button", { name: "Clear filters" }).click();
    await goOn();
    assert.deepEqual(olivia.address(), studio);
    assert.equal(await search.inputValue(), "");

    await stop();
    await search.fill("linen");
    await page.goBack();
    await goOn();
    assert.deepEqual(olivia.address(), { ...studio, dates: "LAST_3_MONTHS" });
    assert.equal(await search.inputValue(), "");
  },
);

spec("Dates are picked from a calendar that is loaded when it is opened", async (house) => {
  const olivia = await house.visit("owner", STUDIO, { timezoneId: "America/New_York" });
  const { page } = olivia;
  await olivia.rows();
  await olivia.isQuiet();
  await page.getByRole("button", { name: "Pick dates" }).click();
  await page.getByText("Pick the first day and the last one").waitFor();
  await page.getByRole("button", { name: "Previous month" }).click();
  const month = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() - 1, 1));
  const day = (number: number) => {
    const at = new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth(), number));
    const name = at.toLocaleDateString("en-US", { dateStyle: "full", timeZone: "UTC" });
    return page.getByRole("button", { name, exact: true });
  };
  await day(3).click();
  await page.getByText("Now pick the last day").waitFor();
  const { variables } = await olivia.asks("Conversations", () => day(5).click());

  const prefix = month.toISOString().slice(0, 7);
  assert.deepEqual([olivia.address().from, olivia.address().to], [`${prefix}-03`, `${prefix}-05`]);
  const { range } = (variables.filterBy as { updatedAt: { range: { from: string; to: string } } })
    .updatedAt;
  assert.match(range.from, new RegExp(`^${prefix}-03T0[45]:00:00.000Z$`)); // midnight there
  assert.match(range.to, new RegExp(`^${prefix}-06T0[45]:00:00.000Z$`)); // the last day is in it
});

spec("Lists are sorted by their columns, both ways, and the header says how", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  for (const [tab, column] of [
    ["Conversations", "Message count"],
    ["Conversations", "Credits"],
    ["MCP-HTTP calls", "Credits"],
    ["Import usage", "Credits"],
    ["Credit adjustments", "Amount"],
  ] as const) {
    await olivia.page.getByRole("tab", { name: tab }).click();
    await olivia.rows();
    const header = olivia.page.getByRole("columnheader", { name: column });
    for (const [order, sign] of [
      ["descending", -1],
      ["ascending", 1],
    ] as const) {
      await olivia.asks(/./, () => header.getByRole("button").click());
      const numbers = (await olivia.column(column)).map(numberIn);
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => sign * (a - b)),
      );
      assert.equal(await header.getAttribute("aria-sort"), order);
    }
  }
});

spec("The oldest come first where somebody asks for that", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  for (const [tab] of TABS) {
    await olivia.page.getByRole("tab", { name: tab }).click();
    await olivia.rows();
    await olivia.asks(/./, () =>
      olivia.page.getByLabel("Sort by").selectOption({ label: "Oldest first" }),
    );
    const times = await (await olivia.table())
      .locator("time")
      .evaluateAll((all) => all.map((each) => each.getAttribute("datetime") ?? ""));
    assert.ok(times.length > 1);
    assert.deepEqual(times, times.toSorted());
  }
});

spec("Pages turn forwards and backwards, and a reload stays where one was", async (house) => {
  const olivia = await house.visit("owner", STUDIO, { view: { tab: "mcp-http-calls" } });
  const first = await olivia.column("Call ID");
  const previous = olivia.page.getByRole("button", { name: "Previous" });
  const next = olivia.page.getByRole("button", { name: "Next" });
  assert.equal(await previous.getAttribute("aria-disabled"), "true");
  await olivia.sees(/^1–20 of [\d,]+ calls$/);

  await olivia.asks("McpHttpCalls", () => next.click());
  const second = await olivia.column("Call ID");
  assert.equal(new Set([...first, ...second]).size, 40);
  await olivia.page.reload();
  assert.deepEqual(await olivia.column("Call ID"), second);
  await olivia.asks("McpHttpCalls", () => previous.click());
  assert.deepEqual(await olivia.column("Call ID"), first);
});

spec(
  "The credits of a conversation open its billing detail, which gives the focus back",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO, { view: { sort: "CREDITS" } });
    const [row] = await olivia.rows();
    assert.ok(row);
    const credits = row.getByRole("button", { name: /show the billing detail/ });
    const total = numberIn((await credits.textContent()) ?? "");
    await olivia.asks("ConversationCharges", () => credits.press("Enter"));

    const drawer = olivia.page.getByRole("dialog", { name: "Billing detail" });
    const charges = drawer.getByRole("list", { name: "Charges, latest first" });
    await charges.waitFor();
    const more = drawer.getByRole("button", { name: "Show more" });
    const items = charges.locator(":scope > li");
    for (let shown = await items.count(); await more.isVisible(); shown = await items.count()) {
      await more.click();
      await items.nth(shown).waitFor();
    }
    const texts = await items.allInnerTexts();
    const told = texts.length === 1 ? "1 charge" : `${texts.length} charges`;
    assert.equal(await drawer.getByRole("status").innerText(), told);
    const costs = texts.map((text) => numberIn(/([\d,]+) credits?\b/.exec(text)?.[1]));
    assert.equal(
      costs.reduce((all, cost) => all + cost, 0),
      total,
    );
    const paid = /from (plan|purchased|granted) credits|not paid yet/;
    for (const [index, text] of texts.entries()) assert.equal(paid.test(text), costs[index] !== 0);

    await olivia.page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    await olivia.focuses(credits);
  },
);

spec("A conversation without a title is called so", async (house) => {
  const workspace = await house.open("Untold");
  const shared = { billingType: "MESSAGE", credits: 1, messageCount: 1 };
  await house.host.record(workspace, [
    { conversation: { ...shared, conversationId: "spaces", title: " " } },
  ]);
  const olivia = await house.visit("owner", "Untold");
  assert.deepEqual(await olivia.column("Title"), ["Untitled"]);

  await olivia.page.getByRole("button", { name: /show the billing detail/ }).click();
  await olivia.page.getByRole("dialog").getByText("Untitled").waitFor();
});

spec("An ID is copied, which is said", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  for (const [tab, , key] of TABS.filter(([name]) => name !== "Credit adjustments")) {
    await olivia.page.getByRole("tab", { name: tab }).click();
    const [id] = await olivia.column(COLUMNS[key][0] ?? "");
    const [row] = await olivia.rows();
    await row?.hover();
    await row?.getByRole("button", { name: `Copy the ${key === "imports" ? "task" : ""}` }).click();
    await row?.getByRole("status").filter({ hasText: "Copied" }).waitFor({ state: "attached" });
    assert.equal(await olivia.page.evaluate(() => navigator.clipboard.readText()), id);
  }
});

spec("Calls are filtered by API key, also by one that is revoked", async (house) => {
  const olivia = await house.visit("owner", STUDIO, { view: { tab: "mcp-http-calls" } });
  await olivia.rows();
  await olivia.page.getByRole("button", { name: "All API keys" }).click();
  const keys = olivia.page.getByRole("checkbox");
  await keys.nth(1).waitFor();
  const revoked = keys.and(olivia.page.locator("[aria-describedby]")).first();
  await olivia.asks("McpHttpCalls", () => revoked.check());
  await olivia.page.keyboard.press("Escape");

  const shown = new Set(await olivia.column("API key name"));
  assert.equal(shown.size, 1);
  assert.match([...shown][0] ?? "", / \(revoked\)$/);
  assert.deepEqual(Object.keys(await summary(olivia)), ["credits", "calls"]);
});

spec(
  "Imports are filtered by type and by date, and their sources open in a new tab",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO, { view: { tab: "imports" } });
    await olivia.rows();
    await olivia.page.getByRole("button", { name: "All types" }).click();
    await olivia.asks("Imports", () =>
      olivia.page.getByRole("checkbox", { name: "Brand import" }).check(),
    );
    await olivia.page.keyboard.press("Escape");
    await olivia.asks("Imports", () =>
      olivia.page.getByRole("button", { name: "3 months" }).click(),
    );

    assert.deepEqual([...new Set(await olivia.column("Import type"))], ["Brand import"]);
    assert.deepEqual(Object.keys(await summary(olivia)), ["credits", "imports"]);
    const links = await (await olivia.table()).getByRole("link").all();
    assert.ok(links.length > 0);
    for (const link of links) {
      assert.match((await link.getAttribute("href")) ?? "", /^https?:\/\//);
      assert.equal(await link.getAttribute("target"), "_blank");
      assert.match((await link.getAttribute("rel")) ?? "", /\bnoopener\b/);
    }
  },
);

spec("Adjustments have a sign and a story, and are filtered by type", async (house) => {
  const olivia = await house.visit("owner", STUDIO, { view: { tab: "adjustments" } });
  for (const amount of await olivia.column("Amount")) assert.match(amount, /^[+-][\d,]+$/);
  for (const detail of await olivia.column("Detail")) assert.notEqual(detail, "");

  await olivia.page.getByRole("button", { name: "All types" }).click();
  await olivia.asks("Adjustments", () =>
    olivia.page.getByRole("checkbox", { name: "Credit package purchase" }).check(),
  );
  await olivia.page.keyboard.press("Escape");
  assert.deepEqual([...new Set(await olivia.column("Type"))], ["Credit package purchase"]);
  for (const detail of await olivia.column("Detail")) assert.match(detail, /^\d+ packs? for \$/);
  assert.deepEqual(Object.keys(await summary(olivia)), [
    "added",
    "removed",
    "net change",
    "adjustments",
  ]);
});

spec(
  "A workspace without usage says so in each tab, and not that nothing matches",
  async (house) => {
    const olivia = await house.visit("owner", "Untitled workspace");
    for (const [tab, noun] of [
      ["Conversations", "conversations"],
      ["MCP-HTTP calls", "calls"],
      ["Import usage", "imports"],
      ["Credit adjustments", "adjustments"],
    ] as const) {
      await olivia.page.getByRole("tab", { name: tab }).click();
      await olivia.sees(`No ${noun} yet`);
    }
  },
);

spec("Filters that nothing matches can be cleared where the list was", async (house) => {
  const olivia = await house.visit("owner", STUDIO, { view: { search: "no such conversation" } });
  await olivia.sees("No conversations match");

  await olivia.page.getByRole("button", { name: "Clear filters" }).last().click();
  assert.equal((await olivia.rows()).length, 20);
});

/** Wait for longer than the search does after what is typed: its timer has rung before. */
async function pause(visitor: Visitor): Promise<void> {
  await visitor.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 400)));
  await visitor.rows();
}

/** Return what the summary bar says: totals by what they are of. */
async function summary(visitor: Visitor): Promise<Record<string, string>> {
  const bar = visitor.page.getByRole("tabpanel").locator("dl");
  const [labels, values] = await Promise.all([
    bar.locator("dt").allInnerTexts(),
    bar.locator("dd").allInnerTexts(),
  ]);
  return Object.fromEntries(
    labels.map((label, place) => [label.toLowerCase(), values[place] ?? ""]),
  );
}

/** Return the number of a text as it is written in English. */
function numberIn(text: string | undefined): number {
  assert.ok(text);
  return Number(text.replaceAll(/[^\d.+-]/g, ""));
}
