import type { CombinedError } from "@urql/core";

/** Why there is no answer, as far as a person can do something about it. */
export type Failure = "offline" | "unreachable" | "session-over" | "refused" | "failed";

/** Tell why there is no answer. */
export function failureOf(error: CombinedError): Failure {
  const codes = error.graphQLErrors.map(({ extensions }) => extensions.code);
  if (codes.includes("UNAUTHENTICATED") || statusOf(error) === 401) return "session-over";
  if (error.networkError && !navigator.onLine) return "offline";
  if (error.networkError) return "unreachable";
  return codes.includes("FORBIDDEN") ? "refused" : "failed";
}

function statusOf(error: CombinedError): number | undefined {
  return (error.response as Response | undefined)?.status;
}
