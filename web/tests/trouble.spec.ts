import assert from "node:assert/strict";
import type { Route } from "playwright-core";
import { plans } from "./acts.ts";
import { spec } from "./spec.ts";
import type { Visitor } from "./visitor.ts";

const STUDIO = "Northwind Studio";
const FAILURES: [what: string, title: string, answer: (route: Route) => Promise<void>][] = [
  [
    "an answer that is an error",
    "Something went wrong",
    (route) => route.fulfill(json(200, { data: null, errors: [{ message: "It broke." }] })),
  ],
  [
    "status 500",
    "The billing service does not answer",
    (route) => route.fulfill({ status: 500, body: "" }),
  ],
  [
    "a proxy's page",
    "The billing service does not answer",
    (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad</h1>" }),
  ],
  ["a broken connection", "The billing service does not answer", (route) => route.abort()],
];

spec(
  "While the gateway answers errors the page says so, and asks again when told to",
  async (house) => {
    for (const [what, title, answer] of FAILURES) {
      const olivia = await house.visitor("owner");
      expectFailures(olivia);
      await olivia.page.route("**/graphql", answer);
      await olivia.page.goto(`${house.at(STUDIO)}#token=${house.demo.tokens.owner}`);
      await olivia.page.getByRole("alert").filter({ hasText: title }).waitFor();
      assert.equal(await olivia.page.getByRole("region", { name: "Plan" }).count(), 0, what);

      await olivia.page.unroute("**/graphql");
      await olivia.page.getByRole("button", { name: "Try again" }).first().click();
      await olivia.page.getByRole("region", { name: "Plan" }).waitFor();
      await olivia.rows();
      await olivia.leave();
    }
  },
);

spec(
  "A list that fails leaves the plan, the credits and the toolbar as they are",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO);
    await olivia.rows();
    expectFailures(olivia);
    await olivia.page.route("**/graphql", (route) => route.fulfill({ status: 500, body: "" }));
    await olivia.page.getByRole("tab", { name: "Import usage" }).click();
    const panel = olivia.page.getByRole("tabpanel");
    await panel.getByText("The billing service does not answer").waitFor();
    await olivia.sees(/remaining$/);
    assert.ok(await panel.getByRole("button", { name: "30 days" }).isVisible());

    await olivia.page.unroute("**/graphql");
    await panel.getByRole("button", { name: "Try again" }).click();
    await olivia.rows();
  },
);

spec("A filter that fails shows no totals, and can be cleared", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  await olivia.rows();
  expectFailures(olivia);
  await olivia.page.route("**/graphql", (route) => route.fulfill({ status: 500, body: "" }));
  await olivia.page.getByRole("button", { name: "30 days" }).click();
  const panel = olivia.page.getByRole("tabpanel");
  await panel.getByText("The billing service does not answer").waitFor();
  await olivia.counts(panel.locator("dl"), 0);

  await olivia.page.unroute("**/graphql");
  await panel.getByRole("button", { name: "Clear filters" }).click();
  await olivia.rows();
  await olivia.counts(panel.getByRole("button", { name: "Clear filters" }), 0);
});

spec(
  "When the gateway is killed nothing seen is lost, and its return is noticed",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO);
    await olivia.rows();
    expectFailures(olivia);
    await house.wish("kill the gateway");
    try {
      await olivia.page.getByRole("button", { name: "30 days" }).click();
      await olivia.page
        .getByRole("tabpanel")
        .getByText("The billing service does not answer")
        .waitFor();
      await olivia.sees(/remaining$/);
      await olivia.page.getByRole("button", { name: "Change plan" }).click();
      await olivia.page.getByRole("alert").getByText("This could not be opened").waitFor();
    } finally {
      await house.wish("start the gateway");
    }
    await olivia.page.getByRole("tabpanel").getByRole("button", { name: "Try again" }).click();
    await olivia.rows();
    assert.equal(olivia.address().dates, "LAST_30_DAYS");
  },
);

spec(
  "A switch that a killed gateway has not answered is tried again, and paid once",
  async (house) => {
    const workspace = await house.open("Interrupted", "Pro");
    const olivia = await house.visit("owner", "Interrupted");
    const dialog = await plans(olivia);
    await dialog.getByRole("button", { name: "Upgrade to Team" }).click();
    const confirm = dialog.getByRole("button", { name: /^Pay / });
    await confirm.waitFor();
    expectFailures(olivia);
    await house.wish("kill the gateway");
    try {
      await confirm.click();
      await dialog.getByText("The answer did not arrive").waitFor();
      await dialog.getByText("it is done only once").waitFor();
    } finally {
      await house.wish("start the gateway");
    }
    await dialog.getByRole("button", { name: "Try again" }).click();
    await olivia.page.getByRole("alert").getByText("You are on Team, monthly").waitFor();
    assert.equal((await house.stripe.paid(workspace)).length, 2);
  },
);

spec("Offline the page says so, and asks again by itself when it is back", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  await olivia.rows();
  expectFailures(olivia);
  await olivia.offline(true);
  await olivia.page.getByRole("status").getByText("You are offline").waitFor();
  await olivia.page.getByRole("button", { name: "3 months" }).click();
  await olivia.page.getByRole("tabpanel").getByText("You are offline").waitFor();

  await olivia.offline(false);
  await olivia.rows();
  await olivia.page.getByText("You are offline").first().waitFor({ state: "detached" });
});

spec("A wish that is never answered comes to an end, and is wished again once", async (house) => {
  const workspace = await house.open("Unanswered", "Pro");
  const olivia = await house.visitor("owner");
  await olivia.page.clock.install();
  await olivia.open(house.at("Unanswered"));
  await olivia.page.getByRole("button", { name: "Buy credits" }).click();
  const dialog = olivia.page.getByRole("dialog", { name: "Buy credits" });
  const buy = dialog.getByRole("button", { name: "Go to checkout" });
  await buy.waitFor();
  await olivia.isQuiet();
  await olivia.page.route("**/graphql", () => undefined); // neither answered nor refused
  const asked = olivia.page.waitForRequest("**/graphql");
  await buy.click();
  await asked;
  assert.ok(await buy.isDisabled());

  await olivia.page.clock.fastForward("00:31");
  await dialog.getByText("The answer did not arrive").waitFor();
  await olivia.page.unroute("**/graphql");
  await dialog.getByRole("button", { name: "Try again" }).click();
  await olivia.page.getByRole("form", { name: "Payment" }).waitFor();
  const keys = olivia.asked
    .filter(({ operation }) => operation === "BuyCredits")
    .map(({ variables }) => (variables.input as { idempotencyKey: string }).idempotencyKey);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.deepEqual(await house.stripe.paid(workspace), [2900]);
});

spec("Back online all that is shown is asked for again, each once", async (house) => {
  const olivia = await house.visit("owner", STUDIO);
  await olivia.rows();
  const usage = olivia.page.getByRole("region", { name: "Usage", exact: true });
  await olivia.asks("UsageSeries", () => usage.getByText("7 days").click());
  await olivia.isQuiet();
  await olivia.offline(true);
  await olivia.page.getByRole("status").getByText("You are offline").waitFor();
  const before = olivia.asked.length;

  await olivia.asks("UsageSeries", () => olivia.offline(false));
  await olivia.rows();
  await olivia.isQuiet();
  assert.deepEqual(olivia.operations().slice(before).toSorted(), [
    "Conversations",
    "Page",
    "UsageSeries",
  ]);
});

spec(
  "A token that has expired ends the session of a host product's page, and says so",
  async (house) => {
    const olivia = await house.visitor({ token: house.demo.tokens.expired }, { signIn: "host" });
    olivia.expect(/401 \(Unauthorized\)/);
    await olivia.open(house.at(STUDIO));

    await olivia.sees("Your session is over");
    assert.equal(await olivia.page.getByRole("region").count(), 0);
    assert.equal(await olivia.page.getByRole("button", { name: "Try again" }).count(), 0);
    assert.equal(await olivia.page.getByText("Nothing was changed").count(), 0); // who knows

    // The product hands over a new one, in the same tab.
    await olivia.page.goto(`${house.at(STUDIO)}#token=${house.demo.tokens.owner}`);
    await olivia.rows();
  },
);

spec("Who comes back from paying with an expired token need not worry", async (house) => {
  const olivia = await house.visitor({ token: house.demo.tokens.expired }, { signIn: "host" });
  olivia.expect(/401 \(Unauthorized\)/);
  await olivia.open(house.at(STUDIO, { checkout: "paid" }));

  await olivia.sees("Your session is over");
  await olivia.sees("What you have paid for is confirmed without this page too.");
});

spec("In the demo a token that has expired is replaced", async (house) => {
  const olivia = await house.visitor({ token: house.demo.tokens.expired });
  olivia.expect(/401 \(Unauthorized\)/);
  await olivia.open(house.at(STUDIO));

  await olivia.rows();
});

spec("A token that is nonsense is no token", async (house) => {
  const nobody = await house.visitor({ token: "nonsense" }, { signIn: "host" });
  nobody.expect(/401 \(Unauthorized\)/);
  await nobody.open(house.at(STUDIO));

  await nobody.sees("Your session is over");
});

spec(
  "Markup in titles and addresses of scripts are text, and never run or followed",
  async (house) => {
    const workspace = await house.open("Hostile");
    const markup = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;
    const addresses = [
      "javascript:document.title='taken'",
      " JavaScript:alert(1)",
      "data:text/html,<script>alert(1)</script>",
      "vbscript:x",
      "//elsewhere.example/path",
      "https://shop.example/products?a=1&b=<b>",
    ];
    await house.host.record(workspace, [
      {
        conversation: {
          conversationId: markup.slice(0, 60),
          title: markup,
          billingType: "MESSAGE",
          credits: 1,
          messageCount: 1,
        },
      },
      ...addresses.map((importUrl, place) => ({
        import: { taskId: `task-${place}`, importType: "BRAND", credits: 1, importUrl },
      })),
    ]);
    const olivia = await house.visit("owner", "Hostile");
    assert.deepEqual(await olivia.column("Title"), [markup]);
    await olivia.page.getByRole("button", { name: /show the billing detail/ }).click();
    await olivia.page.getByRole("dialog").getByText(markup).waitFor();
    await olivia.page.keyboard.press("Escape");
    await olivia.page.getByRole("tab", { name: "Import usage" }).click();
    const urls = await olivia.column("Import URL");
    for (const address of addresses) {
      assert.ok(
        urls.some((each) => each.startsWith(address.trim())),
        address,
      );
    }

    const links = await (await olivia.table()).getByRole("link").all();
    const targets = await Promise.all(links.map((link) => link.getAttribute("href")));
    assert.deepEqual(targets, ["https://shop.example/products?a=1&b=<b>"]);
    assert.equal(await olivia.page.locator("main img").count(), 0);
    assert.equal(await olivia.page.title(), "Hostile – Subscription and Credits");
  },
);

spec(
  "What somebody might bring into the page neither runs, nor changes it, nor leaves it",
  async (house) => {
    const olivia = await house.visit("owner", STUDIO);
    await olivia.rows();
    const isSent = await olivia.page.evaluate(async () => {
      const script = document.createElement("script");
      script.textContent = "document.title = 'taken'";
      const style = document.createElement("style");
      style.textContent = "main { display: none }";
      document.head.append(script, style);
      return fetch("http://localhost:9/").then(
        () => true,
        () => false,
      );
    });

    assert.ok(!isSent);
    assert.notEqual(await olivia.page.title(), "taken");
    assert.ok(await olivia.page.getByRole("main").isVisible());
    const heard = olivia.complaints().join("\n");
    for (const directive of ["script-src-elem", "style-src-elem", "connect-src"]) {
      assert.ok(heard.includes(`The content security policy was violated: ${directive}`), heard);
    }
    olivia.expect(/Content Security Policy|content security policy/);
  },
);

/** Let the browser complain of what a spec breaks. */
function expectFailures(visitor: Visitor): void {
  visitor.expect(
    /Failed to load resource|Unable to preload CSS|Failed to fetch dynamically imported/,
  );
}

function json(status: number, answer: unknown) {
  return { status, contentType: "application/json", body: JSON.stringify(answer) };
}
