/** The person's languages, but for tags that name none, such as `C`; the browser's own without. */
const locales = navigator.languages.filter(isLanguage);

const whole = new Intl.NumberFormat(locales, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(locales, { notation: "compact" });
const signed = new Intl.NumberFormat(locales, { signDisplay: "exceptZero" });
const date = new Intl.DateTimeFormat(locales, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(locales, { dateStyle: "medium", timeStyle: "short" });
const zoned = new Intl.DateTimeFormat(locales, { timeZoneName: "short" });
const day = new Intl.DateTimeFormat(locales, { dateStyle: "medium", timeZone: "UTC" });
const dayOfYear = new Intl.DateTimeFormat(locales, {
  day: "numeric",
  month: "short",
  timeZone: "UTC",
});
const wholeDay = new Intl.DateTimeFormat(locales, { dateStyle: "full", timeZone: "UTC" });
const month = new Intl.DateTimeFormat(locales, { month: "long", year: "numeric", timeZone: "UTC" });
const monthName = new Intl.DateTimeFormat(locales, { month: "short", timeZone: "UTC" });
const weekday = new Intl.DateTimeFormat(locales, { weekday: "short", timeZone: "UTC" });
const part = new Intl.NumberFormat(locales, { style: "percent", maximumFractionDigits: 0 });

/** `12,345` */
export const formatCount = (count: number): string => whole.format(count);

/** `1–20`, or `21` where that is all */
export const formatCounts = (first: number, last: number): string =>
  first === last ? whole.format(first) : whole.formatRange(first, last);

/** `12K` */
export const formatShort = (count: number): string => short.format(count);

/** `+12,345` or `-12,345` */
export const formatChange = (credits: number): string => signed.format(credits);

/** `Mar 31, 2026`, where the person is */
export const formatDate = (at: string): string => date.format(new Date(at));

/** `Mar 31, 2026, 9:30 AM`, where the person is */
export const formatMoment = (at: string): string => moment.format(new Date(at));

/** `GMT+1`: the time zone of moments and dates where the person is, as it is now */
export const timeZoneName = (): string =>
  zoned.formatToParts().find(({ type }) => type === "timeZoneName")?.value ?? "";

/** `25%` of 0.25 */
export const formatPart = (fraction: number): string => part.format(fraction);

// Days of the calendar are the midnights of UTC of their names, as in the address.

/** `Mar 1, 2026` */
export const formatDay = (at: Date): string => day.format(at);

/** `Mar 1` */
export const formatDayOfYear = (at: Date): string => dayOfYear.format(at);

/** `Mar 1 – 31, 2026` */
export const formatDays = (first: Date, last: Date): string => day.formatRange(first, last);

/** `Sunday, March 1, 2026` */
export const formatWholeDay = (at: Date): string => wholeDay.format(at);

/** `March 2026` */
export const formatMonth = (at: Date): string => month.format(at);

/** `Mar` */
export const formatMonthName = (at: Date): string => monthName.format(at);

/** `Sun` */
export const formatWeekday = (at: Date): string => weekday.format(at);

/** The day that weeks begin with: 0 is Sunday. Monday, where the browser does not know. */
export const FIRST_DAY_OF_WEEK = firstDayOfWeek();

/** Money as the gateway tells it: whole minor units, such as cents, of an ISO 4217 currency. */
export interface Money {
  amountMinor: number;
  currency: string;
}

/** `$12.34`; the currency says how many minor units make one. */
export function formatMoney({ amountMinor, currency }: Money) {
  const format = new Intl.NumberFormat(locales, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amountMinor / 10 ** digits);
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false;
  }
}

function firstDayOfWeek() {
  // TypeScript does not know it yet, and some browsers do not have it.
  const locale: Intl.Locale & { getWeekInfo?: () => { firstDay: number } } = new Intl.Locale(
    locales[0] ?? "en",
  );
  const first = locale.getWeekInfo?.().firstDay;
  return (
    ([0, 1, 2, 3, 4, 5, 6] as const).find((day) => first !== undefined && day === first % 7) ?? 1
  );
}
