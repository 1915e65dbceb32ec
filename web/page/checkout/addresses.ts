const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Return an address of the web if it is encrypted, or of this machine; else null. */
export function trusted(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, hostname, href } = new URL(address);
  const isTrusted = protocol === "https:" || (protocol === "http:" && LOOPBACK.has(hostname));
  return isTrusted ? href : null;
}

/**
 * Where a checkout page sends the person back to: the workspace, how it went, and the name of the
 * departure, which tells what for.
 */
export function returnAddresses(workspaceId: string, departure: string) {
  return {
    successUrl: addressOf(workspaceId, { checkout: "paid", departure }),
    cancelUrl: addressOf(workspaceId, { checkout: "left", departure }),
  };
}

/** The page as it is seen with a workspace, and nothing else unless it is given. */
export function addressOf(workspaceId: string, more: Record<string, string> = {}): string {
  const address = new URL(location.pathname, location.origin);
  address.search = new URLSearchParams({ workspace: workspaceId, ...more }).toString();
  return address.href;
}
