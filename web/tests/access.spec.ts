import assert from "node:assert/strict";
import { spec } from "./spec.ts";
import type { Visitor } from "./visitor.ts";

const STUDIO = "Northwind Studio";
const CAFE = "Café Lumière";
const USAGE_TABS = ["Conversations", "MCP-HTTP calls", "Import usage"];
const ACTIONS = ["Change plan", "Customer portal", "Buy credits"];
const ONLY_OWNER = "Only the owner of this workspace can do this.";

spec("The owner may do everything, and no reason stands beside the actions", async (house) => {
  const olivia = await house.visit("owner", CAFE);
  await olivia.rows();

  for (const name of [...ACTIONS, "Undo"]) assert.ok(await action(olivia, name).isEnabled(), name);
  assert.equal(await olivia.page.getByText(ONLY_OWNER).count(), 0);
});

spec("An admin sees who used what, and why the actions are not theirs", async (house) => {
  const amir = await house.visit("admin", CAFE);
  await isReadOnly(amir);

  for (const tab of USAGE_TABS) {
    await amir.page.getByRole("tab", { name: tab }).click();
    const users = await amir.column("User");
    assert.ok(users.length > 0);
    for (const user of users) assert.notEqual(user, "");
  }
});

spec("A member sees no people anywhere, and why the actions are not theirs", async (house) => {
  const people = await house.visit("admin", STUDIO);
  const names = new Set<string>();
  for (const tab of USAGE_TABS) {
    await people.page.getByRole("tab", { name: tab }).click();
    for (const name of await people.column("User")) names.add(name);
  }
  assert.ok(names.size > 2);
  names.delete("Mei Lindqvist"); // who is signed in sees her own name above

  const mei = await house.visitor("member");
  const answers: Promise<string>[] = [];
  mei.page.on("response", (response) => {
    if (response.url().endsWith("/graphql")) answers.push(response.text());
  });
  await mei.open(house.at(STUDIO));
  await isReadOnly(mei);
  for (const tab of [...USAGE_TABS, "Credit adjustments"]) {
    await mei.page.getByRole("tab", { name: tab }).click();
    await mei.rows();
    assert.equal(await mei.page.getByRole("columnheader", { name: "User" }).count(), 0);
  }
  await mei.page.getByRole("tab", { name: "Conversations" }).click();
  await mei.page.getByRole("searchbox", { name: "Search by ID or title" }).waitFor();
  await mei.rows();
  await mei.isQuiet();
  const told = (await Promise.all(answers)).join("\n");
  assert.ok(told.includes("conversationId"));
  for (const name of names) assert.ok(!told.includes(name), name);
  assert.ok(!told.includes("@example.com"));
});

spec("On Free the owner is told that credits are for paid plans", async (house) => {
  await house.open("Free of charge");
  const olivia = await house.visit("owner", "Free of charge");
  const credits = olivia.page.getByRole("group", { name: "Credits" });
  await credits.getByText("Credits can be bought on a paid plan.").waitFor();

  assert.ok(await action(olivia, "Buy credits").isDisabled());
  assert.ok(await action(olivia, "Change plan").isEnabled());
});

/** Every action is disabled, and its reason is beside it, to be seen and to be heard. */
async function isReadOnly(visitor: Visitor): Promise<void> {
  await visitor.page.getByRole("heading", { name: "Credit usage records" }).waitFor();
  for (const name of ACTIONS) assert.ok(await action(visitor, name).isDisabled(), name);
  for (const name of ["Plan", "Credits"]) {
    const group = visitor.page.getByRole("group", { name, exact: true });
    assert.ok(await group.getByText(ONLY_OWNER).isVisible());
    const description = await group.evaluate(
      (element) =>
        document.getElementById(element.getAttribute("aria-describedby") ?? "")?.textContent,
    );
    assert.equal(description, ONLY_OWNER);
  }
}

/** Return the button of an action. */
function action(visitor: Visitor, name: string) {
  return visitor.page.getByRole("button", { name, exact: true });
}
