// Use GraphiQL as a person would, in a Chromium that can reach nothing but the given address.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const [address, executablePath, profile] = process.argv.slice(2);
const report = { complaints: [], elsewhere: [], tokens: [], stored: "" };

const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  await context.route("**/*", (route) => {
    const url = route.request().url();
    if (url.startsWith(address) || url.startsWith("blob:")) return route.continue();
    report.elsewhere.push(url);
    return route.abort();
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) report.complaints.push(message.text());
  });
  page.on("pageerror", (error) => report.complaints.push(String(error)));
  page.on("request", (request) => {
    if (request.method() !== "POST") return;
    const { operationName } = request.postDataJSON();
    report.tokens.push([operationName ?? null, request.headers().authorization ?? null]);
  });

  await page.goto(`${address}/graphiql`);
  await page.locator(".graphiql-query-editor .monaco-editor").waitFor();

  await page.getByLabel("Token").fill("Bearer good-ada");
  const editor = page.locator(".graphiql-query-editor .monaco-editor").first();
  await editor.click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText("query Overview { viewer "); // the editor closes the brace
  await page.keyboard.press("ControlOrMeta+Enter");
  const response = page.locator(".graphiql-response .view-lines");
  await response.getByText("good-ada").waitFor();
  report.answer = (await response.innerText()).replaceAll("\u00a0", " ");

  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  report.documentation = await page.locator(".graphiql-plugin").innerText();

  await editor.click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText("query Overview { viewe ");
  await page.locator(".squiggly-error").waitFor(); // a worker has checked the query

  await page.reload();
  await editor.waitFor();
  report.tokenAfterReload = await page.getByLabel("Token").inputValue();
  report.stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  const other = await context.newPage();
  await other.goto(`${address}/graphiql`);
  report.tokenInAnotherTab = await other.getByLabel("Token").inputValue();
} finally {
  await context.close();
}
process.stdout.write(JSON.stringify(report));
