import { useState } from "react";
import { type AnyVariables, type UseQueryArgs, useQuery } from "urql";
import { useRecovery } from "./view";

/**
 * Ask for a list. What was answered before is there at once and asked for again, since usage goes
 * on all the time; until there is an answer for other filters, the one before them still is.
 * A failure hides only what it is about: rows of these filters stay, rows of others do not.
 */
export function useAnswer<Data, Variables extends AnyVariables>(
  question: UseQueryArgs<Variables, Data>,
) {
  const [{ data, error, fetching }, ask] = useQuery({
    ...question,
    requestPolicy: "cache-and-network",
  });
  const asked = JSON.stringify(question.variables);
  const [latest, setLatest] = useState({ asked, data });
  if (data !== undefined && !fetching && (data !== latest.data || asked !== latest.asked)) {
    setLatest({ asked, data });
  }
  return {
    data: data ?? (asked === latest.asked ? latest.data : undefined),
    error: useRecovery(error),
    isLoading: fetching,
    askAgain: () => ask({ requestPolicy: "network-only" }),
  };
}
