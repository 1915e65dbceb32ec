import { setNonce } from "get-nonce";

/** What the content security policy asks of each `<style>` that is added to this page. */
export const nonce =
  document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";

// Dialogs hold the page behind them still by a style of their own, which asks here.
setNonce(nonce);
