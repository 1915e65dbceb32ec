import type { Browser } from "playwright-core";
import { Host } from "./host.ts";
import { Stripe } from "./stripe.ts";
import { type Looks, Visitor } from "./visitor.ts";

export type Role = "owner" | "admin" | "member";

/** What `demo.json` says of the demo that runs. */
export interface Demo {
  graphqlUrl: string;
  stripeUrl: string;
  tokens: Record<Role | "service" | "expired", string>;
  workspaces: { id: string; name: string; plan: string }[];
}

/** What Python does for us, since the gateway is its child: the promise ends when it is done. */
export type Wish = "kill the gateway" | "start the gateway";

/** All that there is in a spec: a gateway, its host product, and whoever visits the page. */
export class House {
  readonly address: string;
  readonly host: Host;
  readonly stripe: Stripe;
  readonly demo: Demo;
  readonly wish: (wish: Wish) => Promise<void>;
  readonly #browser: Browser;
  readonly #visitors: Visitor[] = [];

  constructor(browser: Browser, demo: Demo, wish: (wish: Wish) => Promise<void>) {
    this.#browser = browser;
    this.demo = demo;
    this.wish = wish;
    this.address = new URL(demo.graphqlUrl).origin;
    this.host = new Host(demo.graphqlUrl, demo.tokens);
    this.stripe = new Stripe(demo.stripeUrl);
  }

  /** Create a workspace of the demo's people: on Free, or on a plan that its owner has bought. */
  async open(name: string, plan?: string): Promise<string> {
    const id = await this.host.createWorkspace(name);
    this.demo.workspaces.push({ id, name, plan: plan ?? "free" });
    if (plan) await this.host.buyPlan(id, plan);
    return id;
  }

  /** Return the id of one of the demo's workspaces, or of one that was opened. */
  workspace(name: string): string {
    const found = this.demo.workspaces.find((each) => each.name === name);
    if (!found) throw new Error(`The demo has no workspace ${name}`);
    return found.id;
  }

  /** Return the address of the page with what is seen of it; `workspace` is a name. */
  at(workspace?: string, view: Record<string, string> = {}): string {
    const query = new URLSearchParams(view);
    if (workspace) query.set("workspace", this.workspace(workspace));
    return `${this.address}/${query.size > 0 ? `?${query}` : ""}`;
  }

  /** Let somebody come with a browser of their own, signed in as the host product does it. */
  async visitor(who: Role | { token: string } | null, looks: Looks = {}): Promise<Visitor> {
    const token = typeof who === "string" ? this.demo.tokens[who] : (who?.token ?? "");
    const visitor = await Visitor.come(this.#browser, this.address, token, looks);
    this.#visitors.push(visitor);
    return visitor;
  }

  /** Let a visitor open the page of a workspace; it is seen when this ends. */
  async visit(
    who: Role | { token: string } | null,
    workspace?: string,
    { view = {}, ...looks }: Looks & { view?: Record<string, string> } = {},
  ): Promise<Visitor> {
    const visitor = await this.visitor(who, looks);
    await visitor.open(this.at(workspace, view));
    return visitor;
  }

  /** Return what every visitor saw last, for whoever looks for the reason of a failure. */
  async seen(): Promise<string> {
    const sights = this.#visitors.map((each) => each.sight());
    return (await Promise.all(sights)).join("\n\n");
  }

  /** Return what any visitor's browser complained of. */
  complaints(): string[] {
    return this.#visitors.flatMap((each) => each.complaints());
  }

  async close(): Promise<void> {
    await Promise.all(this.#visitors.map((each) => each.leave()));
  }
}
