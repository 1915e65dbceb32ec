import type { CombinedError } from "@urql/core";

/** Why there is no answer, as far as a person can do something about it. */
export type Failure = "offline" | "unreachable" | "session-over" | "refused" | "failed";

/** Tell why there is no answer. */
export function failureOf(error: CombinedError): Failure {
  const codes = codesOf(error);
  if (codes.includes("UNAUTHENTICATED") || statusOf(error) === 401) return "session-over";
  if (error.networkError && !navigator.onLine) return "offline";
  if (error.networkError) return "unreachable";
  return codes.includes("FORBIDDEN") ? "refused" : "failed";
}

/** Tell whether all that is wrong is an id that nothing can have: it was mistyped or cut off. */
export function isOfNoSuchId(error: CombinedError): boolean {
  const codes = codesOf(error);
  return codes.length > 0 && codes.every((code) => code === "INVALID_ID");
}

function codesOf(error: CombinedError): unknown[] {
  return error.graphQLErrors.map(({ extensions }) => extensions.code);
}

function statusOf(error: CombinedError): number | undefined {
  return (error.response as Response | undefined)?.status;
}
