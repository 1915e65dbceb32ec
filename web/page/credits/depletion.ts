/** What is told of the time to come: moments, as the gateway tells them. */
interface Prospects {
  projectedDepletionAt: string | null;
  refreshesAt: string | null;
  nextExpiry: { expiresAt: string } | null;
}

/**
 * Return when the credits are used up at the current pace; null if they are not, or if others come
 * or go before: then there is another number, and what was projected is not true of it.
 */
export function depletionOf(prospects: Prospects): string | null {
  const { projectedDepletionAt: at, refreshesAt, nextExpiry } = prospects;
  if (at === null) return null;
  const changes = [refreshesAt, nextExpiry?.expiresAt ?? null].filter((each) => each !== null);
  return changes.every((change) => Date.parse(at) <= Date.parse(change)) ? at : null;
}
