import assert from "node:assert/strict";
import { pay, plans } from "./acts.ts";
import { BANK_ACCOUNT, FAILING_BANK_ACCOUNT, GOOD_CARD, UNCHARGEABLE_CARD } from "./cards.ts";
import { spec } from "./spec.ts";
import type { Visitor } from "./visitor.ts";

const DAY_SECONDS = 86_400;

spec(
  "A bank debit that takes days is told of, and its credits come when it is paid",
  async (house) => {
    const workspace = await house.open("Debiting", "Pro");
    const olivia = await house.visit("owner", "Debiting");
    await buyByBank(olivia, BANK_ACCOUNT);
    await olivia.page
      .getByRole("status")
      .filter({ hasText: "Your payment is on its way" })
      .waitFor();
    await olivia.sees("2,700 remaining");
    assert.deepEqual(await house.stripe.paid(workspace), [2900]);

    await house.stripe.wait(4 * DAY_SECONDS + 60);
    await olivia.page.getByRole("status").filter({ hasText: "1,000 credits were added" }).waitFor();
    await olivia.sees("3,700 remaining");
    assert.deepEqual(await house.stripe.paid(workspace), [1000, 2900]);
  },
);

spec("A bank debit that fails after days adds nothing, and that is said", async (house) => {
  const workspace = await house.open("Bouncing", "Pro");
  const olivia = await house.visit("owner", "Bouncing");
  await buyByBank(olivia, FAILING_BANK_ACCOUNT);
  await olivia.page.getByRole("status").filter({ hasText: "Your payment is on its way" }).waitFor();

  await house.stripe.wait(4 * DAY_SECONDS + 60);
  await olivia.page.getByRole("status").filter({ hasText: "The payment failed" }).waitFor();
  await olivia.sees("2,700 remaining");
  assert.deepEqual(await house.stripe.paid(workspace), [2900]);
});

spec(
  "A plan that a bank is debited for is held at once, and not called paid until it is",
  async (house) => {
    const workspace = await house.open("Direct debit");
    const olivia = await house.visit("owner", "Direct debit");
    const dialog = await plans(olivia);
    await dialog.getByRole("article", { name: "Pro" }).getByRole("button").click();
    await payByBank(olivia, BANK_ACCOUNT);
    const told = olivia.page.getByRole("status").filter({ hasText: "You are on Pro, monthly" });
    await told.getByText(/^The credits of the plan come with your payment/).waitFor();
    await olivia.sees("200 remaining");
    assert.deepEqual(await house.stripe.paid(workspace), []);

    await house.stripe.wait(4 * DAY_SECONDS + 60);
    await told.getByText("Thank you. Your payment is confirmed.").waitFor();
    await olivia.sees("2,700 remaining");
    assert.deepEqual(await house.stripe.paid(workspace), [2900]);
  },
);

spec("A plan whose bank debit fails is told of as not paid, and not as bought", async (house) => {
  const workspace = await house.open("Direct debit that fails");
  const olivia = await house.visit("owner", "Direct debit that fails");
  const dialog = await plans(olivia);
  await dialog.getByRole("article", { name: "Pro" }).getByRole("button").click();
  await payByBank(olivia, FAILING_BANK_ACCOUNT);
  await olivia.sees(/^The credits of the plan come with your payment/);

  await house.stripe.wait(4 * DAY_SECONDS + 60);
  const told = olivia.page.getByRole("status").filter({ hasText: "The payment failed" });
  await told.getByText("Otherwise Pro ends").waitFor();
  const plan = olivia.page.getByRole("region", { name: "Plan" });
  await plan.getByText("You can put it right in the customer portal").waitFor();
  assert.equal(await olivia.page.getByText("Your payment is confirmed").count(), 0);
  await olivia.sees("200 remaining");
  assert.deepEqual(await house.stripe.paid(workspace), []);
});

spec("A renewal that is not paid is told of, and is put right in the portal", async (house) => {
  const workspace = await house.open("Owing", "Pro");
  const olivia = await house.visit("owner", "Owing");
  const { page } = olivia;
  const plan = page.getByRole("region", { name: "Plan" });
  await plan.getByRole("button", { name: "Customer portal" }).click();
  await page.getByLabel("Card number").fill(UNCHARGEABLE_CARD);
  await page.getByRole("button", { name: "Update card" }).click();
  await page.getByRole("link", { name: "Return" }).click();
  await plan.getByText("Renews on").waitFor();
  await house.stripe.wait(31 * DAY_SECONDS + 2 * 3600);
  await house.host.owes(workspace);

  const mei = await house.visit("member", "Owing");
  await mei.sees("The owner can put it right in the customer portal");
  await page.reload();
  await plan.getByText("The last payment failed").waitFor();
  await plan.getByText("You can put it right in the customer portal").waitFor();
  const dialog = await plans(olivia);
  await dialog.getByText("A payment is due", { exact: true }).waitFor();
  const offer = dialog.getByRole("article", { name: "Team" });
  await offer.getByText("A payment is due: pay it in the customer portal first.").waitFor();
  assert.ok(await offer.getByRole("button").isDisabled());
  await dialog.getByRole("button", { name: "Customer portal" }).click();
  await page.getByRole("row").filter({ hasText: "open" }).getByRole("link").click();
  await page.getByLabel("Card number").fill(GOOD_CARD);
  await page.getByRole("button", { name: "Pay" }).click();
  await page.getByText("paid", { exact: true }).waitFor();
  assert.deepEqual(await house.stripe.paid(workspace), [2900, 2900]);

  await house.host.holds(workspace, "Pro", 2500);
  await olivia.open(house.at("Owing"));
  await plan.getByText("Renews on").waitFor();
  await olivia.sees("2,500 remaining");
  assert.equal(await plan.getByText("The last payment failed").count(), 0);
});

spec("A plan that is paid once has an end, and Free follows it", async (house) => {
  const workspace = await house.open("Launching");
  const olivia = await house.visit("owner", "Launching");
  const dialog = await plans(olivia);
  await dialog.getByRole("article", { name: "Launch Pass" }).getByRole("button").click();
  await pay(olivia.page);
  await olivia.page.getByRole("status").filter({ hasText: "You are on Launch Pass" }).waitFor();
  const plan = olivia.page.getByRole("region", { name: "Plan" });
  await plan.getByText("Current period ends").waitFor();
  assert.equal(await plan.getByText("Renews on").count(), 0);
  await olivia.sees("2,200 remaining");
  assert.deepEqual(await house.stripe.paid(workspace), [7900]);

  await house.stripe.wait(93 * DAY_SECONDS);
  await house.host.holds(workspace, "Free");
  await olivia.open(house.at("Launching"));
  await plan.getByText("Free", { exact: true }).first().waitFor();
  await olivia.sees("200 remaining");
});

/** Buy one pack of credits, and pay it by bank debit on the Checkout page. */
async function buyByBank(visitor: Visitor, account: string): Promise<void> {
  await visitor.page.getByRole("button", { name: "Buy credits" }).click();
  const dialog = visitor.page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Go to checkout" }).click();
  await payByBank(visitor, account);
}

/** Pay by bank debit on the Checkout page that is shown. */
async function payByBank({ page }: Visitor, account: string): Promise<void> {
  await page.getByRole("form", { name: "Payment" }).waitFor();
  await page.getByRole("radio", { name: /^Bank debit/ }).check();
  await page.getByLabel("Bank account number").fill(account);
  await page.getByRole("button", { name: /^(Pay|Subscribe for) / }).click();
}
