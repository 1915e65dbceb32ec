import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { GOOD_CARD } from "./cards.ts";
import type { Demo, Role } from "./house.ts";

const PAUSE_MILLISECONDS = 50;
const PATIENCE_MILLISECONDS = 20_000;

const SUBJECTS: Record<Role, string> = {
  owner: "demo-owner",
  admin: "demo-admin",
  member: "demo-member",
};

const UPSERT = `mutation ($input: UpsertWorkspaceInput!) {
  upsertWorkspace(input: $input) { workspaceId userErrors { message } }
}`;
const RECORD = `mutation ($input: RecordUsageInput!) {
  recordUsage(input: $input) { results { status reason } userErrors { message } }
}`;

const UPSERT_KEY = `mutation ($input: UpsertApiKeyInput!) {
  upsertApiKey(input: $input) { userErrors { message } }
}`;
const GRANT = `mutation ($input: AdjustCreditsInput!) {
  adjustCredits(input: $input) { userErrors { message } }
}`;
const PLANS = "{ plans { id name creditsPerRefresh } }";
const SWITCH = `mutation ($input: SwitchPlanInput!) {
  switchPlan(input: $input) {
    outcome { ... on PlanCheckoutRequired { url } }
    userErrors { message }
  }
}`;
const HELD = `query ($id: ID!) {
  workspace(id: $id) { subscription { status plan { name } } creditBalance { recurring } }
}`;

interface Plan {
  id: string;
  name: string;
  creditsPerRefresh: number;
}

interface Held {
  subscription: { status: string; plan: { name: string } };
  creditBalance: { recurring: number };
}

/** A usage event as the host product tells of it, but for what every event has. */
export type UsageEvent = Partial<
  Record<"conversation" | "import" | "mcpHttpCall", Record<string, unknown>>
>;

/** The host product: a service that tells the gateway of workspaces and of what was used. */
export class Host {
  readonly #url: string;
  readonly #tokens: Demo["tokens"];
  #events = 0;

  constructor(url: string, tokens: Demo["tokens"]) {
    this.#url = url;
    this.#tokens = tokens;
  }

  /** Ask the gateway, as the service or as a person; return the data of its answer. */
  async ask<Data>(
    query: string,
    variables: Record<string, unknown> = {},
    who: Role | "service" = "service",
  ): Promise<Data> {
    const answer = await fetch(this.#url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${this.#tokens[who]}`,
      },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await answer.json()) as { data: Data; errors?: unknown };
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }

  /** Create a workspace on Free with people of the demo in it; return its id. */
  async createWorkspace(
    name: string,
    people: Role[] = ["owner", "admin", "member"],
  ): Promise<string> {
    const members = people.map((role) => ({ subject: SUBJECTS[role], role: role.toUpperCase() }));
    const { upsertWorkspace } = await this.ask<{
      upsertWorkspace: { workspaceId: string; userErrors: unknown[] };
    }>(UPSERT, { input: { externalId: crypto.randomUUID(), name, members } });
    assert.deepEqual(upsertWorkspace.userErrors, []);
    return upsertWorkspace.workspaceId;
  }

  /** Let the owner of a workspace buy a plan by the month, and pay it with a card. */
  async buyPlan(workspaceId: string, name: string, card = GOOD_CARD): Promise<void> {
    const { plans } = await this.ask<{ plans: Plan[] }>(PLANS);
    const plan = plans.find((each) => each.name === name);
    assert.ok(plan, `There is no plan ${name}`);
    const page = new URL(this.#url).origin;
    const input = {
      workspaceId,
      planId: plan.id,
      billingCycle: "MONTHLY",
      successUrl: page,
      cancelUrl: page,
      idempotencyKey: crypto.randomUUID(),
    };
    const { switchPlan } = await this.ask<{
      switchPlan: { outcome: { url: string }; userErrors: unknown[] };
    }>(SWITCH, { input }, "owner");
    assert.deepEqual(switchPlan.userErrors, []);
    const body = new URLSearchParams({ method: "card", card_number: card });
    const paid = await fetch(switchPlan.outcome.url, { method: "POST", body, redirect: "manual" });
    assert.equal(paid.status, 303);
    const next = new URL(paid.headers.get("location") ?? "", switchPlan.outcome.url);
    if (next.pathname.endsWith("/authenticate")) {
      const outcome = new URLSearchParams({ outcome: "complete" });
      await fetch(next, { method: "POST", body: outcome, redirect: "manual" });
    }
    await this.holds(workspaceId, name, plan.creditsPerRefresh);
  }

  /** Wait until a workspace holds a plan, and so many credits of it: they may come after it. */
  async holds(id: string, name: string, credits = 0): Promise<void> {
    await this.#until(id, `get the plan ${name}`, ({ subscription, creditBalance }) => {
      return subscription.plan.name === name && creditBalance.recurring >= credits;
    });
  }

  /** Wait until a payment of a workspace is due that was not made. */
  async owes(id: string): Promise<void> {
    await this.#until(id, "owe", ({ subscription }) => subscription.status === "PAST_DUE");
  }

  async #until(id: string, what: string, isSo: (held: Held) => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MILLISECONDS;
    for (;;) {
      const { workspace } = await this.ask<{ workspace: Held }>(HELD, { id });
      if (isSo(workspace)) return;
      assert.ok(Date.now() < deadline, `The workspace does not ${what}`);
      await setTimeout(PAUSE_MILLISECONDS);
    }
  }

  /** Give a workspace credits that never expire. */
  async grant(workspaceId: string, amount: number): Promise<void> {
    const { adjustCredits } = await this.ask<{ adjustCredits: { userErrors: unknown[] } }>(GRANT, {
      input: { workspaceId, amount, note: "A gift", idempotencyKey: crypto.randomUUID() },
    });
    assert.deepEqual(adjustCredits.userErrors, []);
  }

  /** Tell of an API key; its external id is its name. */
  async addApiKey(workspaceId: string, name: string): Promise<void> {
    const { upsertApiKey } = await this.ask<{ upsertApiKey: { userErrors: unknown[] } }>(
      UPSERT_KEY,
      { input: { workspaceId, externalId: name, name } },
    );
    assert.deepEqual(upsertApiKey.userErrors, []);
  }

  /** Record what was used: by the owner and just now, unless an event says otherwise. */
  async record(workspaceId: string, events: UsageEvent[]): Promise<void> {
    const occurredAt = new Date().toISOString();
    const told = events.map((event) =>
      Object.fromEntries(
        Object.entries(event).map(([kind, fields]) => [
          kind,
          { eventId: this.#eventId(), occurredAt, userSubject: SUBJECTS.owner, ...fields },
        ]),
      ),
    );
    const { recordUsage } = await this.ask<{
      recordUsage: { results: { status: string }[]; userErrors: unknown[] };
    }>(RECORD, { input: { workspaceId, events: told } });
    assert.deepEqual(recordUsage.userErrors, []);
    for (const { status } of recordUsage.results) assert.equal(status, "RECORDED");
  }

  #eventId(): string {
    this.#events += 1;
    return `page-${process.pid}-${Date.now()}-${this.#events}`;
  }
}
