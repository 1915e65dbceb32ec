import assert from "node:assert/strict";
import { spec } from "./spec.ts";

const SCRIPT_BYTES_MAX = 250 * 1024;
const STUDIO = "Northwind Studio";

spec("Without a workspace in the address the page says that none is selected", async (house) => {
  const olivia = await house.visit("owner");

  await olivia.sees("No workspace is selected");
  assert.deepEqual(olivia.operations(), ["Page"]);
  assert.equal(await olivia.page.getByRole("heading", { level: 2 }).count(), 0);

  await olivia.open(`${house.address}/?workspace=`);
  await olivia.sees("No workspace is selected");
  await olivia.page.getByRole("button", { name: STUDIO }).click();
  await olivia.page.getByRole("heading", { name: "Credit usage records" }).waitFor();
  assert.equal(olivia.address().workspace, house.workspace(STUDIO));
});

spec("A workspace that the person is not in looks like one that does not exist", async (house) => {
  const foreign = await house.host.createWorkspace("Not for Mei", ["owner"]);
  const mei = await house.visitor("member");
  const sights: string[] = [];
  for (const id of [foreign, house.workspace(STUDIO).replace(/.{8}$/, "AAAAAAA=")]) {
    await mei.open(`${house.address}/?workspace=${encodeURIComponent(id)}`);
    await mei.sees("This workspace is not there for you");
    sights.push((await mei.page.locator("main").ariaSnapshot()).replaceAll(/\d/g, ""));
  }

  assert.equal(sights[0], sights[1]);
  assert.ok(!sights[0]?.includes("Not for Mei"));
});

spec("A workspace that is on two pages of one's workspaces is listed once", async (house) => {
  const olivia = await house.visitor("owner");
  // As if there were more than come with the page: they are the very same ones.
  await olivia.page.route("**/graphql", async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    const pageInfo = route.request().postData()?.includes("query Page(")
      ? { hasNextPage: true, endCursor: null }
      : { hasNextPage: false, endCursor: null };
    if (answer.data.viewer) Object.assign(answer.data.viewer.workspaces.pageInfo, pageInfo);
    await route.fulfill({ response, json: answer });
  });
  await olivia.open(house.at(STUDIO));
  await olivia.rows();
  const switcher = olivia.page.getByRole("combobox", { name: "Workspace" });
  await olivia.asks("MoreWorkspaces", () => switcher.click());
  await olivia.page.getByRole("option").first().waitFor();
  await olivia.isQuiet();

  const names = await olivia.page.getByRole("option").allInnerTexts();
  assert.ok(names.length > 1);
  assert.equal(new Set(names).size, names.length);
});

spec("Who is in very many workspaces finds each of them by its name", async (house) => {
  const olivia = await house.visitor("owner");
  const many = Array.from({ length: 120 }, (_, place) => ({
    __typename: "UserWorkspaceEdge",
    role: "OWNER",
    node: { __typename: "Workspace", id: `workspace-${place}`, name: `Client ${place}` },
  }));
  await olivia.page.route("**/graphql", async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    const isFirst = route.request().postData()?.includes("query Page(");
    Object.assign(answer.data.viewer.workspaces, {
      edges: isFirst ? many.slice(0, 100) : many.slice(100),
      pageInfo: { hasNextPage: isFirst, endCursor: null },
    });
    await route.fulfill({ response, json: answer });
  });
  await olivia.open(house.at());
  await olivia.sees("All of yours are in the list above.");
  const switcher = olivia.page.getByRole("combobox", { name: "Workspace" });
  await olivia.asks("MoreWorkspaces", () => switcher.click());

  await switcher.fill("client 119");
  await olivia.counts(olivia.page.getByRole("option"), 1);
  await olivia.page.getByRole("option", { name: "Client 119" }).waitFor();
  await switcher.fill("nobody");
  await olivia.sees("No workspace of that name");
});

spec("The first load asks twice and takes 250 KB of script at most", async (house) => {
  const olivia = await house.visitor("owner");
  const scripts: Promise<number>[] = [];
  olivia.page.on("requestfinished", (request) => {
    if (request.resourceType() !== "script") return;
    scripts.push(request.sizes().then(({ responseBodySize }) => responseBodySize));
  });
  await olivia.open(house.at(STUDIO));
  await olivia.rows();
  await olivia.isQuiet();

  assert.deepEqual(olivia.operations(), ["Page", "Conversations"]);
  const bytes = (await Promise.all(scripts)).reduce((sum, size) => sum + size, 0);
  assert.ok(bytes > 50_000, `scripts of ${bytes} bytes are too few to be all`);
  assert.ok(bytes <= SCRIPT_BYTES_MAX, `${bytes} bytes of compressed script`);
});

spec(
  "Another workspace begins afresh: without filters, search, sort, tab and page",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO, {
      view: {
        tab: "imports",
        dates: "LAST_30_DAYS",
        types: "PRODUCT",
        sort: "CREDITS",
        direction: "ASC",
      },
    });
    await olivia.rows();
    const asked = olivia.asked.length;

    await olivia.choose("Workspace", "Café Lumière");
    await olivia.rows();

    assert.deepEqual(olivia.address(), { workspace: house.workspace("Café Lumière") });
    const tab = olivia.page.getByRole("tab", { name: "Conversations" });
    assert.equal(await tab.getAttribute("aria-selected"), "true");
    const [request] = olivia.asked
      .slice(asked)
      .filter((each) => each.operation === "Conversations");
    const { filterBy, orderBy, after } = request?.variables ?? {};
    assert.deepEqual(filterBy, { search: null, updatedAt: null, billingTypes: [] });
    assert.deepEqual(orderBy, { field: "UPDATED_AT", direction: "DESC" });
    assert.equal(after, undefined);
  },
);

spec("The back button undoes a filter, a tab and a workspace, one step each", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  const { page } = olivia;
  const studio = house.workspace(STUDIO);
  const cafe = house.workspace("Café Lumière");
  await olivia.rows();
  await page.getByRole("button", { name: "30 days" }).click();
  await page.getByRole("tab", { name: "Import usage" }).click();
  await olivia.rows();
  await olivia.choose("Workspace", "Café Lumière");
  await olivia.rows();
  assert.deepEqual(olivia.address(), { workspace: cafe });

  await page.goBack();
  assert.deepEqual(olivia.address(), { workspace: studio, tab: "imports" });
  await page.getByRole("tab", { name: "Import usage", selected: true }).waitFor();
  await page.goBack();
  assert.deepEqual(olivia.address(), { workspace: studio, dates: "LAST_30_DAYS" });
  await page.getByRole("button", { name: "30 days", pressed: true }).waitFor();
  await page.goBack();
  assert.deepEqual(olivia.address(), { workspace: studio });
  await page.getByRole("button", { name: "30 days", pressed: false }).waitFor();
});

spec(
  "Going back closes what is open over the page, and undoes nothing behind it",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO);
    const { page } = olivia;
    const dialog = page.getByRole("dialog");
    const workspace = house.workspace(STUDIO);
    const picked = page.getByRole("button", { name: "3 months", pressed: true });
    await page.getByRole("button", { name: "3 months" }).click();
    await picked.waitFor();
    await olivia.rows();
    for (const [button, inside] of [
      ["Change plan", "Plans that renew"],
      ["Buy credits", "Packs"],
      [/show the billing detail/, /\d charges?$/],
    ] as const) {
      await page.getByRole("button", { name: button }).first().click();
      await dialog.getByText(inside, { exact: true }).waitFor();

      await page.evaluate(() => history.back()); // Playwright's own waits to be elsewhere
      await dialog.waitFor({ state: "detached" });
      assert.deepEqual(olivia.address(), { workspace, dates: "LAST_3_MONTHS" });
      assert.ok(await picked.isVisible());
    }

    await page.goBack();
    await page.getByRole("button", { name: "3 months", pressed: false }).waitFor();
    assert.deepEqual(olivia.address(), { workspace });
  },
);

spec("A tab that is opened again shows what it showed last", async (house) => {
  const olivia = await house.visit("owner", STUDIO, {
    view: { search: "e", dates: "LAST_3_MONTHS", sort: "CREDITS" },
  });
  const { page } = olivia;
  const conversations = olivia.address();
  const open = async (tab: string) => {
    await page.getByRole("tab", { name: tab }).click();
    await page.getByRole("tab", { name: tab, selected: true }).waitFor();
    await olivia.rows();
    await olivia.isQuiet();
    return olivia.address();
  };
  const shown = await olivia.column("Conversation ID");
  const { workspace } = conversations;
  assert.deepEqual(await open("Import usage"), { workspace, tab: "imports" });
  await page.getByRole("button", { name: "30 days" }).click();
  await page.getByRole("button", { name: "30 days", pressed: true }).waitFor();

  assert.deepEqual(await open("Conversations"), conversations);
  assert.equal(await page.getByRole("searchbox").inputValue(), "e");
  assert.deepEqual(await olivia.column("Conversation ID"), shown);
  await page.goBack();
  await page.getByRole("button", { name: "30 days", pressed: true }).waitFor();
  const imports = { workspace, tab: "imports", dates: "LAST_30_DAYS" };
  assert.deepEqual(olivia.address(), imports);
  await page.evaluate(() => history.go(-2));
  await olivia.holds(page.getByRole("searchbox"), "e");
  assert.deepEqual(await open("Import usage"), imports); // however one has left it

  await olivia.choose("Workspace", "Café Lumière");
  await olivia.rows();
  assert.deepEqual(await open("Import usage"), {
    workspace: house.workspace("Café Lumière"),
    tab: "imports",
  });
});

spec("A shared address shows somebody else the same view", async (house) => {
  const view = { types: "IMAGE_GENERATION", dates: "LAST_3_MONTHS", sort: "CREDITS" };
  const olivia = await house.visit("owner", STUDIO, { view });
  const hers = await olivia.column("Conversation ID");
  const amir = await house.visitor("admin");
  await amir.open(olivia.page.url());

  assert.deepEqual(await amir.column("Conversation ID"), hers);
  assert.ok(hers.length > 0);
  await amir.page.getByRole("button", { name: "3 months", pressed: true }).waitFor();
  await amir.page.getByRole("columnheader", { name: "Credits" }).waitFor();
});

spec("An address that was mistyped still shows a page", async (house) => {
  const olivia = await house.visit("owner", STUDIO, {
    view: {
      tab: "nonsense",
      dates: "LAST_CENTURY",
      types: "NOBODY,MESSAGE",
      sort: "COLOUR",
      from: "2026-99-99",
      direction: "SIDEWAYS",
    },
  });

  assert.deepEqual([...new Set(await olivia.column("Billing type"))], ["Messages"]);
});

spec("Days of no sensible year are no filter, and not called one", async (house) => {
  const olivia = await house.visit("owner", STUDIO, {
    view: { from: "0001-01-01", to: "9998-12-31" },
  });

  await olivia.rows();
  await olivia.page.getByRole("button", { name: "Pick dates" }).waitFor();
  assert.equal(await olivia.page.getByRole("button", { name: "Clear filters" }).count(), 0);
});

spec("A page of another list is left for the first one, which is said", async (house) => {
  const olivia = await house.visit("owner", STUDIO, { view: { after: "bm9uc2Vuc2U" } });

  await olivia.sees("This is the first page");
  assert.equal((await olivia.rows()).length, 20);
  assert.deepEqual(olivia.address(), { workspace: house.workspace(STUDIO) });
});

spec("The token is in neither the address nor the history nor the local storage", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  await olivia.rows();
  const token = house.demo.tokens.owner;

  assert.ok(!olivia.page.url().includes("token"));
  const stored = await olivia.page.evaluate(() => JSON.stringify({ ...localStorage }));
  assert.ok(!stored.includes(token));
  assert.equal(await olivia.page.evaluate(() => document.cookie), "");
  await olivia.page.reload();
  await olivia.rows();
  assert.equal(await olivia.page.evaluate(() => history.length), 2); // the empty page, and this
});

spec("In the demo one is somebody at once, and may become anybody", async (house) => {
  const visitor = await house.visit(null, STUDIO);
  await visitor.rows();
  await visitor.page.getByRole("button", { name: /Signed in as Olivia Bennett/ }).click();
  await visitor.page.getByRole("menuitem", { name: /Mei Lindqvist/ }).click();

  await visitor.page.getByRole("button", { name: /Signed in as Mei Lindqvist/ }).waitFor();
  await visitor.rows();
  assert.equal(await visitor.page.getByRole("columnheader", { name: "User" }).count(), 0);
  await visitor.page.reload();
  await visitor.page.getByRole("button", { name: /Signed in as Mei Lindqvist/ }).waitFor();
});

spec("In a host product nobody can choose whom to be", async (house) => {
  const stranger = await house.visitor(null, { signIn: "host" });
  await stranger.open(house.at(STUDIO));
  await stranger.sees("Open this page from the product");
  assert.deepEqual(stranger.asked, []);

  const olivia = await house.visitor("owner", { signIn: "host" });
  await olivia.open(house.at(STUDIO));
  await olivia.rows();
  assert.equal(await olivia.page.getByRole("button", { name: /Signed in as/ }).count(), 0);
});
