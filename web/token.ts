const KEY = "billing-gateway:token";
const INTROSPECTION = "IntrospectionQuery";

/** The token of this browser tab: gone with the tab, never in the local storage. */
export const token = {
  read: (): string => sessionStorage.getItem(KEY) ?? "",
  write(value: string): void {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  },
};

/**
 * Send the token along, unless the request carries an `Authorization` header of its own.
 * The schema is public: a token that is no longer valid must not empty the documentation.
 */
export const fetchWithToken: typeof fetch = (input, init) => {
  const headers = new Headers(init?.headers);
  const value = token.read();
  if (value && !headers.has("authorization") && !asksForSchema(init?.body)) {
    headers.set("authorization", `Bearer ${value}`);
  }
  return fetch(input, { ...init, headers });
};

function asksForSchema(body: RequestInit["body"]): boolean {
  if (typeof body !== "string") return false;
  const request = JSON.parse(body) as { operationName?: string };
  return request.operationName === INTROSPECTION;
}
