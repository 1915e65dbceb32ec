const locales = navigator.languages;

const whole = new Intl.NumberFormat(locales, { maximumFractionDigits: 0 });
const signed = new Intl.NumberFormat(locales, { signDisplay: "exceptZero" });
const date = new Intl.DateTimeFormat(locales, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(locales, { dateStyle: "medium", timeStyle: "short" });

/** `12,345` */
export const formatCount = (count: number): string => whole.format(count);

/** `+12,345` or `-12,345` */
export const formatChange = (credits: number): string => signed.format(credits);

/** `Mar 31, 2026`, where the person is */
export const formatDate = (at: string): string => date.format(new Date(at));

/** `Mar 31, 2026, 9:30 AM`, where the person is */
export const formatMoment = (at: string): string => moment.format(new Date(at));

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
