const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Return an address of the web if it is encrypted, or of this machine; else null. */
export function trusted(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, hostname, href } = new URL(address);
  const isTrusted = protocol === "https:" || (protocol === "http:" && LOOPBACK.has(hostname));
  return isTrusted ? href : null;
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
