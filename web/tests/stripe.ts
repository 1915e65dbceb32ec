import assert from "node:assert/strict";

const IDLE_SECONDS = 30;

/** What was paid, as the sandbox tells the truth of it: `amount` in cents. */
interface Paid {
  metadata: { workspace_id?: string };
  amount: number;
  /** Of a checkout: an invoice is told of once it is paid. */
  payment_status?: string;
}

/** The sandbox that stands in for Stripe: what was really paid there, and how it behaves. */
export class Stripe {
  readonly #url: string;

  constructor(url: string) {
    this.#url = `${url}/_sandbox`;
  }

  /** Return what a workspace has paid so far, in cents: the smallest amount first. */
  async paid(workspaceId: string): Promise<number[]> {
    const answer = await fetch(`${this.#url}/truth`);
    const { customers } = (await answer.json()) as {
      customers: Record<string, { checkouts: Paid[]; invoices: Paid[] }>;
    };
    const uuid = uuidOf(workspaceId);
    return Object.values(customers)
      .flatMap(({ checkouts, invoices }) => [...checkouts, ...invoices])
      .filter(({ metadata }) => metadata.workspace_id === uuid)
      .filter(({ payment_status = "paid" }) => payment_status === "paid")
      .map(({ amount }) => amount)
      .toSorted((one, other) => one - other);
  }

  /** Keep what there is to tell the gateway back, or tell it. */
  async hold(isHeld: boolean): Promise<void> {
    await this.#post("webhooks", { hold: isHeld });
    if (!isHeld) await this.#post("webhooks/flush", {});
  }

  /** Let time pass there and at the gateway, and what falls due with it; it never goes back. */
  async wait(seconds: number): Promise<void> {
    await this.#post("clock", { seconds });
    await this.#post("idle", { timeout_seconds: IDLE_SECONDS });
  }

  /** Let the next calls fail that begin with a path. */
  async fail(path: string, count: number): Promise<void> {
    await this.#post("faults", { kind: "error", method: "POST", path, count });
  }

  /** Let everything work again. */
  async recover(): Promise<void> {
    await fetch(`${this.#url}/faults`, { method: "DELETE" });
  }

  async #post(what: string, given: object): Promise<void> {
    const body = JSON.stringify(given);
    const answer = await fetch(`${this.#url}/${what}`, { method: "POST", body });
    assert.equal(answer.status, 200, await answer.text());
  }
}

/** Return the UUID in the global id of a workspace, which is opaque but to tests. */
function uuidOf(globalId: string): string {
  const hex = atob(globalId).split(":")[1] ?? "";
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
