import { token } from "../../token";

/**
 * Take the token that the host product hands over in the address, as `#token=...`.
 * A fragment is sent to no server; it is taken out of the address, and of the history, at once.
 */
export function takeToken(): string {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const handed = fragment.get("token");
  if (handed) {
    token.write(handed);
    fragment.delete("token");
    const rest = fragment.size > 0 ? `#${fragment}` : "";
    history.replaceState(history.state, "", location.pathname + location.search + rest);
  }
  return token.read();
}
