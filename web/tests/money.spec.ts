import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { pay, plans } from "./acts.ts";
import { ASKING_CARD, DECLINED_CARD } from "./cards.ts";
import { spec } from "./spec.ts";
import type { Visitor } from "./visitor.ts";

spec("Plans are compared by the month and by the year, with the saving", async (house) => {
  await house.open("Comparing");
  const olivia = await house.visit("owner", "Comparing");
  await olivia.page.getByRole("heading", { name: "Credit usage records" }).waitFor();
  assert.ok(!olivia.operations().includes("PlanChoice"));
  const dialog = await plans(olivia);

  const pro = dialog.getByRole("article", { name: "Pro" });
  await pro.getByText("$29.00 a month").waitFor();
  await pro.getByText("2,500 credits a month").waitFor();
  await dialog.getByRole("article", { name: "Free" }).getByText("Current plan").waitFor();
  const pass = dialog.getByRole("article", { name: "Launch Pass" });
  await pass.getByText("$79.00 once").waitFor();
  await dialog.getByText("Yearly").click();
  assert.ok(await dialog.getByRole("radio", { name: /Yearly.*Save 17%/ }).isChecked());
  await pro.getByText("$24.17 a month, paid as $290.00 a year").waitFor();
  assert.ok(await pass.isVisible());

  await olivia.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await olivia.focuses(olivia.page.getByRole("button", { name: "Change plan" }));
});

spec("A plan is bought on the Checkout page, and the page says when it is there", async (house) => {
  const workspace = await house.open("Buying");
  const olivia = await house.visit("owner", "Buying");
  const dialog = await plans(olivia);
  await dialog.getByRole("article", { name: "Pro" }).getByRole("button").click();
  await pay(olivia.page);

  await olivia.page.getByRole("status").filter({ hasText: "You are on Pro, monthly" }).waitFor();
  const plan = olivia.page.getByRole("region", { name: "Plan" });
  await plan.getByText("$29.00 a month").waitFor();
  await plan.getByText("Renews on").waitFor();
  await olivia.sees("2,700 remaining");
  assert.deepEqual(await house.stripe.paid(workspace), [2900]);

  await olivia.page.getByRole("button", { name: "Put this away" }).click();
  await olivia.page.waitForURL((url) => !url.searchParams.has("checkout"));
  assert.deepEqual(olivia.address(), { workspace });
});

spec("A plan that is paid once is extended by buying it again", async (house) => {
  const workspace = await house.open("Extending");
  const olivia = await house.visit("owner", "Extending");
  const until = async (button: string) => {
    const dialog = await plans(olivia);
    await dialog.getByRole("button", { name: button }).click();
    await pay(olivia.page);
    const told = await olivia.sees(/^You are on Launch Pass until /);
    return new Date((await told.innerText()).replace(/^.+ until /, ""));
  };
  const first = await until("Buy Launch Pass");
  const second = await until("Extend Launch Pass");

  const months = (second.getFullYear() - first.getFullYear()) * 12 - first.getMonth();
  assert.equal(months + second.getMonth(), 3);
  await olivia.sees("2,200 remaining"); // what was bought again comes when its time does
  assert.deepEqual(await house.stripe.paid(workspace), [7900, 7900]);
});

spec("A card that is declined buys nothing, nor does leaving the Checkout page", async (house) => {
  const workspace = await house.open("Leaving");
  const olivia = await house.visit("owner", "Leaving");
  const dialog = await plans(olivia);
  await dialog.getByRole("article", { name: "Pro" }).getByRole("button").click();
  await pay(olivia.page, DECLINED_CARD);
  await olivia.page.getByRole("alert").getByText("declined").waitFor();
  await olivia.page.getByRole("link", { name: "Back" }).click();

  await olivia.sees("You left the checkout page");
  const plan = olivia.page.getByRole("region", { name: "Plan" });
  await plan.getByText("Free", { exact: true }).first().waitFor();
  assert.deepEqual(await house.stripe.paid(workspace), []);
});

spec(
  "From a paid plan to a greater one, the exact amount and credits are confirmed",
  async (house) => {
    const workspace = await house.open("Upgrading", "Pro");
    const olivia = await house.visit("owner", "Upgrading");
    const dialog = await plans(olivia);
    const offer = dialog.getByRole("article", { name: "Team" });
    await offer.getByRole("button", { name: "Upgrade to Team" }).click();
    await dialog.getByRole("heading", { name: "Switch to Team, monthly" }).waitFor();
    const confirm = dialog.getByRole("button", { name: /^Pay \$[\d.]+ and switch$/ });
    const due = cents(await confirm.textContent());
    await dialog.getByText("As soon as you confirm").waitFor();
    const added = /\+([\d,]+) are added/.exec((await dialog.textContent()) ?? "")?.[1];
    assert.ok(added);
    assert.deepEqual(await house.stripe.paid(workspace), [2900]); // so far nothing is done

    await dialog.getByRole("button", { name: "All plans" }).click();
    await olivia.focuses(offer.getByRole("button", { name: "Upgrade to Team" }));
    await olivia.page.keyboard.press("Enter");
    await confirm.dblclick();
    await olivia.page.getByRole("alert").getByText("You are on Team, monthly").waitFor();

    const plan = olivia.page.getByRole("region", { name: "Plan" });
    await plan.getByText("$99.00 a month").waitFor();
    const total = 200 + 2500 + Number(added.replaceAll(",", ""));
    await olivia.page
      .getByRole("region", { name: "Credits" })
      .getByText(total.toLocaleString("en-US"), { exact: true })
      .first()
      .waitFor();
    assert.deepEqual(await house.stripe.paid(workspace), [2900, due]);
  },
);

spec("Downgrading to Free says what becomes of everything, and can be undone", async (house) => {
  const workspace = await house.open("Downgrading", "Pro");
  await house.host.grant(workspace, 150);
  const olivia = await house.visit("owner", "Downgrading");
  const dialog = await plans(olivia);
  await dialog.getByRole("button", { name: "Downgrade to Free" }).click();
  await dialog.getByText(/^Pro stays active until .+ It is paid until then/).waitFor();
  await dialog.getByText(/Now that is 2,700\.$/).waitFor();
  await dialog.getByText(/Credits that you have bought stay: 0\./).waitFor();
  await dialog.getByText(/granted stay as they are: 150\./).waitFor();
  await dialog.getByText(/you have 200 credits a month/).waitFor();
  await dialog.getByRole("button", { name: /^Downgrade on / }).click();

  const plan = olivia.page.getByRole("region", { name: "Plan" });
  await plan.getByText(/^Changes to Free on /).waitFor();
  assert.equal(await plan.getByText("Renews on").count(), 0);
  await plan.getByRole("button", { name: "Undo" }).click();
  const undo = olivia.page.getByRole("dialog", { name: "Undo the plan change" });
  await undo.getByRole("button", { name: "Undo the change" }).click();
  await olivia.page.getByRole("alert").getByText("You stay on Pro").waitFor();
  await plan.getByText("Renews on").waitFor();
  await olivia.focuses(olivia.page.getByRole("button", { name: "Change plan" }));
  assert.equal(await plan.getByText(/^Changes to/).count(), 0);
  assert.deepEqual(await house.stripe.paid(workspace), [2900]);
});

spec("A lesser plan follows at the end of what is paid, and nothing is due now", async (house) => {
  const workspace = await house.open("Scheduling", "Team");
  const olivia = await house.visit("owner", "Scheduling");
  const dialog = await plans(olivia);
  await dialog.getByRole("button", { name: "Switch to Pro" }).click();
  await dialog.getByText("$0.00 due now").waitFor();
  await dialog.getByText("None come or go").waitFor();
  await dialog.getByRole("button", { name: "Confirm the switch" }).click();

  const plan = olivia.page.getByRole("region", { name: "Plan" });
  await plan.getByText(/^Changes to Pro, monthly on /).waitFor();
  assert.deepEqual(await house.stripe.paid(workspace), [9900]);
});

spec("A bank that asks is answered in a new tab, and the page goes on by itself", async (house) => {
  const workspace = await house.open("Asked");
  await house.host.buyPlan(workspace, "Pro", ASKING_CARD);
  const olivia = await house.visit("owner", "Asked");
  const dialog = await plans(olivia);
  await dialog.getByRole("button", { name: "Upgrade to Team" }).click();
  await dialog.getByRole("button", { name: /^Pay / }).click();
  await dialog.getByRole("heading", { name: /Your bank asks you/ }).waitFor();
  assert.deepEqual(await house.stripe.paid(workspace), [2900]);

  const [bank] = await Promise.all([
    olivia.page.waitForEvent("popup"),
    dialog.getByRole("link", { name: /Confirm the payment/ }).click(),
  ]);
  assert.equal(await bank.evaluate(() => window.opener), null);
  await bank.getByRole("button", { name: "Complete authentication" }).click();
  await olivia.page.getByRole("alert").getByText("You are on Team, monthly").waitFor();
  assert.equal((await house.stripe.paid(workspace)).length, 2);
});

spec("A payment that waits for the bank is told of until it is made", async (house) => {
  const workspace = await house.open("Waiting");
  await house.host.buyPlan(workspace, "Pro", ASKING_CARD);
  const olivia = await house.visit("owner", "Waiting");
  const asked = await plans(olivia);
  await asked.getByRole("button", { name: "Upgrade to Team" }).click();
  await asked.getByRole("button", { name: /^Pay / }).click();
  await asked.getByRole("heading", { name: /Your bank asks you/ }).waitFor();
  await olivia.page.keyboard.press("Escape");
  await asked.waitFor({ state: "detached" });

  const waiting = "A payment for Team, monthly waits for your bank";
  const plan = olivia.page.getByRole("region", { name: "Plan" });
  await plan.getByText(waiting).waitFor();
  await olivia.page.reload();
  await plan.getByText(waiting).waitFor();
  const dialog = await plans(olivia);
  await dialog.getByRole("button", { name: "Downgrade to Free" }).click();
  await dialog.getByRole("button", { name: /^Downgrade on / }).waitFor();
  await dialog.getByText(waiting).waitFor();
  assert.deepEqual(await house.stripe.paid(workspace), [2900]);
  await olivia.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });

  const [bank] = await Promise.all([
    olivia.page.waitForEvent("popup"),
    plan.getByRole("link", { name: /Confirm the payment/ }).click(),
  ]);
  await bank.getByRole("button", { name: "Complete authentication" }).click();
  await house.host.holds(workspace, "Team");
  await olivia.page.reload();
  await plan.getByText("$99.00 a month").waitFor();
  assert.equal(await olivia.page.getByText(waiting).count(), 0);
  assert.equal((await house.stripe.paid(workspace)).length, 2);
});

spec("The wait for a bank ends when its time is over, and one can choose again", async (house) => {
  const workspace = await house.open("Too late");
  await house.host.buyPlan(workspace, "Pro", ASKING_CARD);
  const olivia = await house.visitor("owner");
  await olivia.page.clock.install();
  await olivia.open(house.at("Too late"));
  const dialog = await plans(olivia);
  await dialog.getByRole("button", { name: "Upgrade to Team" }).click();
  await dialog.getByRole("button", { name: /^Pay / }).click();
  await dialog.getByRole("heading", { name: /Your bank asks you/ }).waitFor();
  await olivia.isQuiet(); // what is on its way would not be waited for so long
  await olivia.page.clock.fastForward("25:00:00");

  await dialog.getByText("The time to confirm the payment is over").waitFor();
  await dialog.getByRole("button", { name: "Choose a plan again" }).click();
  await dialog.getByRole("button", { name: "Upgrade to Team" }).waitFor();
  assert.equal(await olivia.page.getByText(/waits for your bank/).count(), 0);
  assert.deepEqual(await house.stripe.paid(workspace), [2900]);
});

spec(
  "Credits are bought on the Checkout page; the page waits until they are there",
  async (house) => {
    const workspace = await house.open("Topping up", "Pro");
    const olivia = await house.visit("owner", "Topping up");
    await olivia.page.getByRole("button", { name: "Buy credits" }).click();
    const dialog = olivia.page.getByRole("dialog", { name: "Buy credits" });
    const sum = dialog.getByRole("status");
    await sum.getByText("1,000 credits").waitFor();
    await dialog.getByRole("textbox", { name: "Packs" }).fill("3");
    await sum.getByText("3,000 credits").waitFor();
    await sum.getByText("$30.00").waitFor();
    await dialog.getByText("and 5,700 when it is paid").waitFor();
    await dialog.getByRole("button", { name: "Go to checkout" }).click();

    await olivia.page.getByText("$30.00").first().waitFor();
    await house.stripe.hold(true);
    try {
      await pay(olivia.page);
      const waiting = olivia.page
        .getByRole("status")
        .filter({ hasText: "Waiting for the payment" });
      await waiting.waitFor();
      await olivia.sees("2,700 remaining");
    } finally {
      await house.stripe.hold(false);
    }
    await olivia.page.getByRole("status").filter({ hasText: "3,000 credits were added" }).waitFor();
    await olivia.sees("5,700 remaining");
    assert.ok(olivia.operations().includes("TopUpChanged"));
    assert.ok(!olivia.operations().includes("TopUpNow")); // nobody had to ask
    assert.deepEqual(await house.stripe.paid(workspace), [2900, 3000]);
  },
);

spec("Of two Checkout pages that were opened, the one that is paid is told of", async (house) => {
  const workspace = await house.open("Hesitating", "Pro");
  const olivia = await house.visit("owner", "Hesitating");
  const first = await buy(olivia, 2);
  await olivia.page.goBack();
  await buy(olivia, 3);
  await olivia.page.goto(first);
  await pay(olivia.page);

  await olivia.page.getByRole("status").filter({ hasText: "2,000 credits were added" }).waitFor();
  await olivia.sees("4,700 remaining");
  assert.deepEqual(await house.stripe.paid(workspace), [2000, 2900]);
});

spec("Who leaves a Checkout page after paying it is told what was paid", async (house) => {
  await house.open("Returning", "Pro");
  const olivia = await house.visit("owner", "Returning");
  const checkout = await buy(olivia, 1);
  await pay(olivia.page);
  await olivia.sees("1,000 credits were added");
  await olivia.page.goto(checkout);
  await olivia.page.getByRole("link", { name: "Back" }).click();

  await olivia.sees("1,000 credits were added");
  assert.equal(olivia.address().checkout, "left");
});

spec(
  "What was paid is shown to a tab that does not know of it, once it is there",
  async (house) => {
    await house.open("Elsewhere", "Pro");
    const olivia = await house.visit("owner", "Elsewhere");
    await buy(olivia, 1);
    await olivia.page.addInitScript(() => sessionStorage.removeItem("billing-gateway:departures"));
    await house.stripe.hold(true);
    try {
      await pay(olivia.page);
      await olivia.sees("Back from the checkout page");
      await olivia.sees("2,700 remaining");
    } finally {
      await house.stripe.hold(false);
    }
    await olivia.sees("3,700 remaining");
  },
);

spec("What was put away stays away, and is of one workspace", async (house) => {
  const workspace = await house.open("Putting away", "Pro");
  const olivia = await house.visit("owner", "Putting away");
  await buy(olivia, 1);
  await pay(olivia.page);
  const told = olivia.page.getByRole("status").filter({ hasText: "1,000 credits were added" });
  await told.waitFor();
  await olivia.page.getByRole("tab", { name: "Import usage" }).click();
  await told.waitFor();
  await olivia.choose("Workspace", "Café Lumière");
  await olivia.rows();
  assert.deepEqual(olivia.address(), { workspace: house.workspace("Café Lumière") });
  assert.equal(await olivia.page.getByText("checkout page").count(), 0);

  await olivia.page.goBack();
  await told.waitFor();
  await olivia.page.getByRole("button", { name: "Put this away" }).click();
  await olivia.page.waitForURL((url) => !url.searchParams.has("checkout"));
  assert.deepEqual(olivia.address(), { workspace, tab: "imports" });
  await olivia.page.goBack();
  await olivia.page.getByRole("tab", { name: "Conversations", selected: true }).waitFor();
  assert.equal(olivia.address().checkout, "paid");
  assert.equal(await told.count(), 0);
});

spec("Nobody is thanked because an address says that they have paid", async (house) => {
  const mei = await house.visit("member", "Café Lumière", { view: { checkout: "paid" } });
  await mei.sees("What was paid there is shown here as soon as the payment is confirmed.");
  assert.equal(await mei.page.getByText("Thank you").count(), 0);
});

spec("A plan is switched and credits are bought with the keyboard alone", async (house) => {
  const workspace = await house.open("Without a mouse", "Pro");
  const olivia = await house.visit("owner", "Without a mouse");
  const { keyboard } = olivia.page;
  const reach = async (name: string | RegExp) => {
    const button = olivia.page.getByRole("button", { name });
    await button.waitFor();
    for (let steps = 0; steps < 40; steps += 1) {
      if (await button.evaluate((element) => element === document.activeElement)) return;
      await keyboard.press("Tab");
    }
    assert.fail(`${name} is not reached`);
  };
  for (const name of ["Change plan", "Upgrade to Team", /^Pay /]) {
    await reach(name);
    await keyboard.press("Enter");
  }
  await olivia.page.getByRole("alert").getByText("You are on Team, monthly").waitFor();
  await olivia.focuses(olivia.page.getByRole("button", { name: "Change plan" }));

  await reach("Buy credits");
  await keyboard.press("Enter");
  await olivia.focuses(olivia.page.getByRole("textbox", { name: "Packs" }));
  await keyboard.press("ArrowUp");
  await olivia.sees("2,000 credits");
  await keyboard.press("Enter");
  await pay(olivia.page);
  await olivia.sees("2,000 credits were added");
  assert.equal((await house.stripe.paid(workspace)).length, 3);
});

spec("No number of packs that is not sold gets to a Checkout page", async (house) => {
  const workspace = await house.open("Mistyping", "Pro");
  const olivia = await house.visit("owner", "Mistyping");
  await olivia.page.getByRole("button", { name: "Buy credits" }).click();
  const dialog = olivia.page.getByRole("dialog", { name: "Buy credits" });
  const packs = dialog.getByRole("textbox", { name: "Packs" });
  for (const typed of ["0", "501", ""]) {
    await packs.fill(typed);
    await dialog.getByText("Choose 1 to 500 packs.").waitFor();
    assert.ok(await dialog.getByRole("button", { name: "Go to checkout" }).isDisabled());
    await packs.press("Enter");
  }
  assert.ok(!olivia.operations().includes("BuyCredits"));
  assert.deepEqual(await house.stripe.paid(workspace), [2900]);
});

spec("While the provider fails the page says so; trying again pays once", async (house) => {
  const workspace = await house.open("Failing", "Pro");
  const olivia = await house.visit("owner", "Failing");
  await olivia.page.getByRole("button", { name: "Buy credits" }).click();
  const dialog = olivia.page.getByRole("dialog", { name: "Buy credits" });
  await house.stripe.fail("/v1/checkout/sessions", 50);
  try {
    await dialog.getByRole("button", { name: "Go to checkout" }).click();
    await dialog.getByText("Payments are not available right now").waitFor();
  } finally {
    await house.stripe.recover();
  }
  await dialog.getByRole("button", { name: "Try again" }).click();
  await pay(olivia.page);
  await olivia.sees("1,000 credits were added");
  assert.deepEqual(await house.stripe.paid(workspace), [1000, 2900]);
});

spec(
  "Where browsers make no UUIDs, on a page without encryption, one can pay too",
  async (house) => {
    const workspace = await house.open("Unencrypted", "Pro");
    const olivia = await house.visitor("owner");
    await olivia.page.addInitScript(() => Reflect.deleteProperty(Crypto.prototype, "randomUUID"));
    await olivia.open(house.at("Unencrypted"));
    assert.equal(await olivia.page.evaluate(() => typeof crypto.randomUUID), "undefined");
    await buy(olivia, 1);
    await pay(olivia.page);
    await olivia.sees("1,000 credits were added");
    assert.deepEqual(await house.stripe.paid(workspace), [1000, 2900]);
  },
);

spec("What somebody else has changed meanwhile is not paid for, and is said", async (house) => {
  const workspace = await house.open("Racing", "Pro");
  const [one, other] = await Promise.all([
    house.visit("owner", "Racing"),
    house.visit("owner", "Racing"),
  ]);
  const dialogs = [await plans(one), await plans(other)] as const;
  for (const dialog of dialogs) {
    await dialog.getByRole("button", { name: "Upgrade to Team" }).click();
    await dialog.getByRole("button", { name: /^Pay / }).waitFor();
  }
  await dialogs[0].getByRole("button", { name: /^Pay / }).click();
  await one.page.getByRole("alert").getByText("You are on Team, monthly").waitFor();
  const paid = await house.stripe.paid(workspace);
  await dialogs[1].getByRole("button", { name: /^Pay / }).click();

  await other.sees("This is your plan already");
  assert.deepEqual(await house.stripe.paid(workspace), paid);
});

spec(
  "What is answered in another workspace says which one it is of, and leads nowhere",
  async (house) => {
    await house.open("Left behind", "Pro");
    const olivia = await house.visit("owner", "Café Lumière");
    await olivia.rows();
    await olivia.choose("Workspace", "Left behind");
    const dialog = await plans(olivia);
    await dialog.getByRole("button", { name: "Upgrade to Team" }).click();
    const confirm = dialog.getByRole("button", { name: /^Pay / });
    await confirm.waitFor();
    const answerSwitch = await withhold(olivia, "SwitchPlan");
    await confirm.click();
    await olivia.page.goBack();
    await olivia.page.getByRole("button", { name: "Undo" }).waitFor();
    await answerSwitch();
    const told = olivia.page.getByRole("alert").filter({ hasText: "You are on Team, monthly" });
    await told.getByText("The new plan of Left behind is in effect.").waitFor();

    await olivia.page.goForward();
    await olivia.page.getByRole("button", { name: "Buy credits" }).click();
    const purchase = olivia.page.getByRole("dialog", { name: "Buy credits" });
    const buying = purchase.getByRole("button", { name: "Go to checkout" });
    await buying.waitFor();
    const answerPurchase = await withhold(olivia, "BuyCredits");
    await buying.click();
    await olivia.page.goBack();
    await olivia.page.getByRole("button", { name: "Undo" }).waitFor();
    await answerPurchase();
    await olivia.isQuiet();
    await olivia.rows();
    assert.deepEqual(olivia.address(), { workspace: house.workspace("Café Lumière") });
  },
);

spec("The customer portal is opened, and leads back to the workspace", async (house) => {
  const workspace = await house.open("Visiting", "Pro");
  const olivia = await house.visit("owner", "Visiting");
  await olivia.page
    .getByRole("region", { name: "Plan" })
    .getByRole("button", { name: "Customer portal" })
    .click();
  await olivia.page.getByRole("heading", { name: "Invoices" }).waitFor();
  await olivia.page.getByRole("link", { name: "Return" }).click();

  await olivia.page.getByRole("heading", { name: "Credit usage records" }).waitFor();
  assert.deepEqual(olivia.address(), { workspace });
});

/** Keep the answer to an operation back; return what lets it through, and ends when it is there. */
async function withhold(visitor: Visitor, operation: string): Promise<() => Promise<void>> {
  const events = new EventEmitter();
  const wanted = once(events, "wanted");
  await visitor.page.route("**/graphql", async (route) => {
    if (route.request().postDataJSON()?.operationName !== operation) return route.fallback();
    const [response] = await Promise.all([route.fetch(), wanted]);
    await route.fulfill({ response });
    events.emit("there");
  });
  return async () => {
    const isThere = once(events, "there");
    events.emit("wanted");
    await isThere;
    await visitor.page.unroute("**/graphql");
  };
}

/** Go to the Checkout page of some credit packs; return its address. */
async function buy(visitor: Visitor, packs: number): Promise<string> {
  const { page } = visitor;
  await page.getByRole("button", { name: "Buy credits" }).click();
  const dialog = page.getByRole("dialog", { name: "Buy credits" });
  await dialog.getByRole("textbox", { name: "Packs" }).fill(String(packs));
  await dialog.getByRole("button", { name: "Go to checkout" }).click();
  await page.getByRole("form", { name: "Payment" }).waitFor();
  return page.url();
}

/** Return an amount of dollars in a text, in cents. */
function cents(text: string | null): number {
  const found = /\$([\d,.]+)/.exec(text ?? "")?.[1];
  assert.ok(found, `There is no amount in ${text}`);
  return Math.round(Number(found.replaceAll(",", "")) * 100);
}
