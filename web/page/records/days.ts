/**
 * Calendar days. A `Day` is a day of the calendar wherever one is, kept as the address keeps it:
 * the midnight of UTC that begins the day of that name.
 */
export type Day = Date;

const YEAR_MIN = 1970;
const YEAR_MAX = 9997;

/** Whether a day is of a year that something may be of: other days are nonsense in an address. */
export function isSensible(day: Day): boolean {
  const year = day.getUTCFullYear();
  return year >= YEAR_MIN && year <= YEAR_MAX;
}

/** When the day begins where the person is, in RFC 3339. */
export function instantOf(day: Day): string {
  return new Date(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate()).toISOString();
}

export function nextDay(day: Day): Day {
  return new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() + 1));
}

/** The day that a moment belongs to where the person is. */
export function dayOf(moment: Date): Day {
  return new Date(Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate()));
}

/** `2026-03-31` */
export const nameOf = (day: Day): string => day.toISOString().slice(0, 10);

/** The day of `2026-03-31` */
export const dayNamed = (name: string): Day => new Date(`${name}T00:00:00Z`);
