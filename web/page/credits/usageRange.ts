import type { DateQuickPick, SeriesGranularity } from "../gql/graphql";

const GRANULARITIES: Record<DateQuickPick, SeriesGranularity> = {
  LAST_7_DAYS: "DAY",
  LAST_30_DAYS: "DAY",
  LAST_3_MONTHS: "WEEK",
};

/** Return the variables that ask for the usage of a time, with as many bars as can be told apart. */
export function seriesOf(usage: DateQuickPick) {
  return { usage, granularity: GRANULARITIES[usage] };
}
