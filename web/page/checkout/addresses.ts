const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Return an address of the web that is encrypted, or of this machine; else fail. */
export function trusted(address: string): string {
  const { protocol, hostname, href } = new URL(address);
  const isTrusted = protocol === "https:" || (protocol === "http:" && LOOPBACK.has(hostname));
  if (!isTrusted) throw new Error(`The gateway leads to ${protocol}//${hostname}`);
  return href;
}

/** Where a checkout page sends the person back to: the workspace, and how it went. */
export function returnAddresses(workspaceId: string) {
  return {
    successUrl: addressOf(workspaceId, "paid"),
    cancelUrl: addressOf(workspaceId, "left"),
  };
}

/** The page as it is seen with a workspace, and nothing of a checkout. */
export function addressOf(workspaceId: string, checkout?: "paid" | "left"): string {
  const address = new URL(location.pathname, location.origin);
  address.searchParams.set("workspace", workspaceId);
  if (checkout) address.searchParams.set("checkout", checkout);
  return address.href;
}
