// What is shown of the page in its documentation: `make screenshots` takes them anew.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { pay } from "./acts.ts";
import { LIGHTHOUSE, openLighthouse } from "./scenery.ts";
import { spec } from "./spec.ts";
import type { Visitor } from "./visitor.ts";

const DIRECTORY = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
const CAFE = "Café Lumière";
const WINDOW = { width: 1200, height: 800 };
const TALL_WINDOW = { width: 1200, height: 1180 };

spec("The whole page, in light and dark, and on a phone", async (house) => {
  await openLighthouse(house);
  const light = await house.visit("owner", LIGHTHOUSE, TALL_WINDOW);
  await take(light, "page");
  const dark = await house.visit("owner", LIGHTHOUSE, { ...TALL_WINDOW, colorScheme: "dark" });
  await take(dark, "page-dark");
  const phone = await house.visit("owner", LIGHTHOUSE, { width: 390, height: 844 });
  await take(phone, "phone");
  await phone.page.getByRole("heading", { name: "Credit usage records" }).scrollIntoViewIfNeeded();
  await phone.page
    .getByRole("table", { name: "Credit usage of conversations" })
    .evaluate((table) => {
      table.scrollIntoView({ block: "start" });
    });
  await take(phone, "phone-records");
});

spec("The lists of records, filtered, and the billing detail of a conversation", async (house) => {
  await openLighthouse(house);
  const olivia = await house.visit("owner", LIGHTHOUSE, {
    ...WINDOW,
    view: { dates: "LAST_30_DAYS", types: "MESSAGE,IMAGE_GENERATION", sort: "CREDITS" },
  });
  await takeRecords(olivia, "conversations");
  await olivia.page
    .getByRole("button", { name: /show the billing detail/ })
    .first()
    .click();
  await olivia.page.getByText(/charges? shown$/).waitFor();
  await take(olivia, "billing-detail");
  await olivia.page.keyboard.press("Escape");
  for (const [tab, name] of [
    ["MCP-HTTP calls", "mcp-http-calls"],
    ["Import usage", "imports"],
    ["Credit adjustments", "adjustments"],
  ] as const) {
    await olivia.page.getByRole("tab", { name: tab }).click();
    await takeRecords(olivia, name);
  }
  await olivia.page.getByRole("button", { name: "Pick dates" }).click();
  await olivia.page.getByText("Pick the first day and the last one").waitFor();
  await take(olivia, "calendar");
});

spec("Plans compared, a switch confirmed, a downgrade, and a change to come", async (house) => {
  await house.open("Switching for a picture", "Pro");
  const olivia = await house.visit("owner", "Switching for a picture", WINDOW);
  await olivia.page.getByRole("button", { name: "Change plan" }).click();
  const dialog = olivia.page.getByRole("dialog");
  await dialog.getByText("Save 17%").click();
  await dialog.getByRole("article", { name: "Team" }).waitFor();
  await take(olivia, "plans");
  await dialog.getByText("Monthly", { exact: true }).click();
  await dialog.getByRole("button", { name: "Upgrade to Team" }).click();
  await dialog.getByText("due now").waitFor();
  await take(olivia, "switch");
  await dialog.getByRole("button", { name: "All plans" }).click();
  await dialog.getByRole("button", { name: "Downgrade to Free" }).click();
  await dialog.getByRole("button", { name: /^Downgrade on/ }).waitFor();
  await take(olivia, "downgrade");

  const cafe = await house.visit("owner", CAFE, WINDOW);
  await cafe.page.getByText(/^Changes to Pro/).waitFor();
  await take(cafe, "change-to-come");
});

spec("Credits chosen, waited for, and there", async (house) => {
  await house.open("Buying for a picture", "Pro");
  const olivia = await house.visit("owner", "Buying for a picture", WINDOW);
  await olivia.page.getByRole("button", { name: "Buy credits" }).click();
  await olivia.page.getByRole("textbox", { name: "Packs" }).fill("5");
  await olivia.page.getByText("5,000 credits", { exact: true }).waitFor();
  await take(olivia, "buy-credits");
  await olivia.page.getByRole("button", { name: "Go to checkout" }).click();
  await olivia.page.getByRole("form", { name: "Payment" }).waitFor();
  await house.stripe.hold(true);
  try {
    await pay(olivia.page);
    await olivia.sees("Waiting for the payment");
    await take(olivia, "waiting");
  } finally {
    await house.stripe.hold(false);
  }
  await olivia.sees("5,000 credits were added");
  await take(olivia, "credits-added");
});

spec("Nothing selected, nothing used, nothing to be done by a member", async (house) => {
  await openLighthouse(house);
  await take(await house.visit("admin", undefined, WINDOW), "no-workspace");
  const empty = await house.visit("owner", "Untitled workspace", WINDOW);
  await empty.page.getByRole("heading", { name: "Credit usage records" }).waitFor();
  await take(empty, "empty");
  await take(await house.visit("member", LIGHTHOUSE, WINDOW), "read-only");
});

spec("No network, no gateway, no session", async (house) => {
  await openLighthouse(house);
  const offline = await house.visit("owner", LIGHTHOUSE, WINDOW);
  await offline.rows();
  await offline.offline(true);
  await offline.sees("You are offline");
  await take(offline, "offline");
  offline.expect(/Failed to load resource/);

  const down = await house.visitor("owner", WINDOW);
  down.expect(/Failed to load resource/);
  await down.page.route("**/graphql", (route) => route.abort());
  await down.open(house.at(LIGHTHOUSE));
  await down.sees("The billing service does not answer");
  await take(down, "unreachable");

  const late = await house.visitor(
    { token: house.demo.tokens.expired },
    { ...WINDOW, signIn: "host" },
  );
  late.expect(/401 \(Unauthorized\)/);
  await late.open(house.at(LIGHTHOUSE));
  await late.sees("Your session is over");
  await take(late, "session-over");
});

/** Take a picture of the list that is shown, from its heading on. */
async function takeRecords(visitor: Visitor, name: string): Promise<void> {
  await visitor.rows();
  await visitor.page.getByRole("heading", { name: "Credit usage records" }).evaluate((heading) => {
    heading.scrollIntoView({ block: "start" });
  });
  await take(visitor, name);
}

async function take(visitor: Visitor, name: string): Promise<void> {
  await mkdir(DIRECTORY, { recursive: true });
  const isWaiting = ".mantine-Skeleton-root, [aria-busy=true]";
  await visitor.page.getByRole("main").waitFor();
  await visitor.page.locator(isWaiting).first().waitFor({ state: "detached" });
  const path = `${DIRECTORY}${name}.png`;
  await visitor.page.screenshot({ path, animations: "disabled", caret: "hide" });
}
