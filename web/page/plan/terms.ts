import { useEffect, useState } from "react";
import { type CombinedError, useClient } from "urql";
import { graphql, read } from "../gql";
import type { PlanSwitchTermsFragment } from "../gql/graphql";
import type { Option } from "./option";

/** What a switch would do, and the token that confirms just that. */
export const TERMS = graphql(`
  fragment PlanSwitchTerms on PlanSwitchPreview {
    token
    action
    amountDue { amountMinor currency }
    credits
    effectiveAt
    expiresAt
  }
`);

export type Terms = PlanSwitchTermsFragment;

const PREVIEW = graphql(`
  query PlanSwitchPreview($workspace: ID!, $plan: ID!, $cycle: BillingCycle!) {
    workspace(id: $workspace) {
      id
      planSwitchPreview(planId: $plan, billingCycle: $cycle) { ...PlanSwitchTerms }
    }
  }
`);

/** How the terms that are shown differ from those that were shown before. */
export type News = "changed" | "renewed";

/**
 * Ask for the terms of a switch. They stay as they are under the eyes of the person: `ask` fetches
 * others when they are no longer true, `renew` takes others that came by themselves.
 */
export function useTerms(workspaceId: string, { plan, billingCycle }: Option) {
  const client = useClient();
  const [terms, setTerms] = useState<Terms | null>(null);
  const [error, setError] = useState<CombinedError | null>(null);
  const [isAsking, setAsking] = useState(false);
  const [news, setNews] = useState<News | null>(null);

  const renew = (next: Terms) => {
    setNews(terms && (isAlike(terms, next) ? "renewed" : "changed"));
    setTerms(next);
  };
  const ask = async () => {
    if (!billingCycle) return; // Free is not paid, so there is nothing to preview
    setAsking(true);
    const variables = { workspace: workspaceId, plan: plan.id, cycle: billingCycle };
    const answer = await client
      .query(PREVIEW, variables, { requestPolicy: "network-only" })
      .toPromise();
    const next = read(TERMS, answer.data?.workspace?.planSwitchPreview);
    setAsking(false);
    setError(answer.error ?? null);
    if (next) renew(next);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another option is another step
  useEffect(() => void ask(), []);
  return { terms, error, isAsking, news, ask, renew };
}

function isAlike(one: Terms, other: Terms): boolean {
  return (
    one.amountDue.amountMinor === other.amountDue.amountMinor &&
    one.credits === other.credits &&
    one.action === other.action
  );
}
