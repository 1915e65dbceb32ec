import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { Browser, BrowserContext, Locator, Page, Request } from "playwright-core";

/** How the page is looked at. */
export interface Looks {
  colorScheme?: "light" | "dark";
  locale?: string;
  timezoneId?: string;
  width?: number;
  height?: number;
  /** Let the page be as it is outside of the demo: its host product signs people in. */
  signIn?: "host";
}

/** A request of the page to the gateway. */
export interface Asked {
  operation: string;
  variables: Record<string, unknown>;
}

/** Nothing takes longer, even on a machine that is busy. */
const PATIENCE_MILLISECONDS = 15_000;

/** A page that has asked for nothing for so long has nothing more to ask for. */
const QUIET_MILLISECONDS = 150;

/** A person with a browser of their own, in which every complaint is heard. */
export class Visitor {
  readonly page: Page;
  readonly asked: Asked[] = [];
  readonly #address: string;
  readonly #token: string;
  readonly #context: BrowserContext;
  readonly #unanswered = new Set<Request>();
  readonly #complaints: string[] = [];
  readonly #expected: RegExp[] = [];

  private constructor(context: BrowserContext, page: Page, address: string, token: string) {
    this.#context = context;
    this.page = page;
    this.#address = address;
    this.#token = token;
  }

  static async come(
    browser: Browser,
    address: string,
    token: string,
    { width = 1280, height = 900, locale = "en-US", timezoneId = "UTC", signIn, ...looks }: Looks,
  ): Promise<Visitor> {
    const context = await browser.newContext({
      viewport: { width, height },
      locale,
      timezoneId,
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
      ...looks,
    });
    context.setDefaultTimeout(PATIENCE_MILLISECONDS);
    const visitor = new Visitor(context, await context.newPage(), address, token);
    await visitor.#listen();
    if (signIn) await visitor.#changeSignIn(signIn);
    return visitor;
  }

  /** Go to an address of the page and wait until it is there, whatever it shows. */
  async open(url: string): Promise<void> {
    const handover = this.#token ? `#token=${encodeURIComponent(this.#token)}` : "";
    await this.page.goto(`${url}${handover}`);
    await this.page.getByRole("heading", { level: 1 }).waitFor();
  }

  /** Wait until a text is seen, and return where. */
  async sees(text: string | RegExp) {
    const found = this.page.getByText(text).filter({ visible: true }).first();
    await found.waitFor();
    return found;
  }

  /** Return what the address says after the question mark. */
  address(): Record<string, string> {
    return Object.fromEntries(new URL(this.page.url()).searchParams);
  }

  /** Return the names of the operations that the page has asked for so far. */
  operations(): string[] {
    return this.asked.map(({ operation }) => operation);
  }

  /** Return the table of the list that is shown, once nothing of it is on its way. */
  async table(): Promise<Locator> {
    const table = this.page.getByRole("tabpanel").locator("table[aria-busy=false]");
    await table.waitFor();
    return table;
  }

  /** Return the rows of the list that is shown. */
  async rows(): Promise<Locator[]> {
    return (await this.table()).locator("tbody tr").all();
  }

  /** Return the texts of a column of the list that is shown. */
  async column(header: string): Promise<string[]> {
    const table = await this.table();
    const texts = await table.locator(`[data-label="${header}"]`).allInnerTexts();
    return texts.map((text) => text.trim());
  }

  /** Choose an option of a list that opens under a labelled field. */
  async choose(label: string, option: string): Promise<void> {
    await this.page.getByRole("combobox", { name: label }).click();
    await this.page.getByRole("option", { name: option }).click();
  }

  /** Wait until something has the focus. */
  async focuses(element: Locator): Promise<void> {
    const handle = await element.elementHandle();
    await this.page.waitForFunction((wanted) => wanted === document.activeElement, handle);
  }

  /** Wait until a field holds a text. */
  async holds(field: Locator, text: string): Promise<void> {
    const handle = await field.elementHandle();
    await this.page.waitForFunction(
      ({ handle, text }) => (handle as HTMLInputElement).value === text,
      { handle, text },
    );
  }

  /** Wait until there are as many of something, and not one more or less. */
  async counts(elements: Locator, count: number): Promise<void> {
    await elements.nth(count).waitFor({ state: "detached" });
    if (count > 0) await elements.nth(count - 1).waitFor();
    assert.equal(await elements.count(), count);
  }

  /** Wait until all that was asked is answered, and the page has asked for nothing for a while. */
  async isQuiet(): Promise<void> {
    await this.page.waitForLoadState("networkidle"); // true for ever after the first load
    for (let asked = -1; asked !== this.asked.length || this.#unanswered.size > 0; ) {
      asked = this.asked.length;
      await setTimeout(QUIET_MILLISECONDS);
    }
  }

  /** Do something, wait for what it asks of the gateway, and return that. */
  async asks(operation: string | RegExp, act: () => Promise<unknown>): Promise<Asked> {
    const answered = this.page.waitForResponse((response) => {
      const asked = this.#read(response.request());
      return asked !== null && asked.operation.match(operation) !== null;
    });
    await act();
    const asked = this.#read((await answered).request());
    assert.ok(asked);
    return asked;
  }

  /** Let a complaint pass that belongs to what is tried: a gateway that is down, say. */
  expect(complaint: RegExp): void {
    this.#expected.push(complaint);
  }

  /** Return what the browser complained of, and nobody expected. */
  complaints(): string[] {
    return this.#complaints.filter((each) => !this.#expected.some((known) => known.test(each)));
  }

  /** Return where the page is and what a screen reader would tell of it. */
  async sight(): Promise<string> {
    try {
      const told = await this.page.locator("body").ariaSnapshot({ timeout: 1000 });
      return `${this.page.url()}\n${told}`;
    } catch (error) {
      return `${this.page.url()}: ${error}`;
    }
  }

  async offline(isOffline: boolean): Promise<void> {
    await this.#context.setOffline(isOffline);
  }

  async leave(): Promise<void> {
    await this.#context.close();
  }

  async #listen(): Promise<void> {
    await this.#context.exposeFunction("hearViolation", (violation: string) => {
      this.#complaints.push(`The content security policy was violated: ${violation}`);
    });
    await this.#context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const { hearViolation } = window as unknown as { hearViolation: (text: string) => void };
        hearViolation(`${event.effectiveDirective} ${event.blockedURI}`);
      });
    });
    this.page.on("console", (message) => {
      const isOurs = this.page.url().startsWith(this.#address);
      if (isOurs && ["error", "warning"].includes(message.type())) {
        this.#complaints.push(`${message.text()} (${message.location().url})`);
      }
    });
    this.page.on("pageerror", (error) => this.#complaints.push(String(error)));
    this.page.on("requestfinished", (request) => this.#unanswered.delete(request));
    this.page.on("requestfailed", (request) => this.#unanswered.delete(request));
    this.page.on("request", (request) => {
      const asked = this.#read(request);
      if (!asked) return;
      this.asked.push(asked);
      const isStream = request.headers().accept?.startsWith("text/event-stream");
      if (!isStream) this.#unanswered.add(request);
    });
  }

  async #changeSignIn(signIn: string): Promise<void> {
    await this.page.route(
      (url) => url.pathname === "/",
      async (route) => {
        const response = await route.fetch();
        const written = await response.text();
        const body = written.replace(
          'name="sign-in" content="demo"',
          `name="sign-in" content="${signIn}"`,
        );
        await route.fulfill({ response, body });
      },
    );
  }

  #read(request: Request): Asked | null {
    if (request.method() !== "POST" || request.url() !== `${this.#address}/graphql`) return null;
    const { operationName, variables } = request.postDataJSON() as {
      operationName?: string;
      variables?: Record<string, unknown>;
    };
    return { operation: operationName ?? "", variables: variables ?? {} };
  }
}
