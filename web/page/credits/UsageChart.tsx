import { SegmentedControl, Skeleton, VisuallyHidden } from "@mantine/core";
import { useState } from "react";
import { useQuery } from "urql";
import { type FragmentType, graphql, read } from "../gql";
import type { DateQuickPick, SeriesGranularity } from "../gql/graphql";
import { Panel } from "../Panel";
import { FailureNotice } from "../states/FailureNotice";
import { UsageBars } from "./UsageBars";
import classes from "./UsageChart.module.css";

const USAGE_CHART = graphql(`
  fragment UsageChart on Workspace {
    id
    usageSeries(filterBy: { occurredAt: { quickPick: LAST_30_DAYS } }, granularity: DAY) {
      ...UsageBars
    }
  }
`);

const USAGE_SERIES = graphql(`
  query UsageSeries($workspace: ID!, $range: DateQuickPick!, $granularity: SeriesGranularity!) {
    workspace(id: $workspace) {
      id
      usageSeries(filterBy: { occurredAt: { quickPick: $range } }, granularity: $granularity) {
        ...UsageBars
      }
    }
  }
`);

const RANGES: { value: DateQuickPick; label: string }[] = [
  { value: "LAST_7_DAYS", label: "7 days" },
  { value: "LAST_30_DAYS", label: "30 days" },
  { value: "LAST_3_MONTHS", label: "3 months" },
];

const GRANULARITIES: Record<DateQuickPick, SeriesGranularity> = {
  LAST_7_DAYS: "DAY",
  LAST_30_DAYS: "DAY",
  LAST_3_MONTHS: "WEEK",
};

/** Which range comes with the page; the others are asked for when they are chosen. */
const FIRST: DateQuickPick = "LAST_30_DAYS";

/** The credits used over time, by what they were used for. */
export function UsageChart({ workspace: shown }: { workspace: FragmentType<typeof USAGE_CHART> }) {
  const workspace = read(USAGE_CHART, shown);
  const [range, setRange] = useState<DateQuickPick>(FIRST);
  const [isTable, setTable] = useState(false);
  const granularity = GRANULARITIES[range];
  const [{ data, error, fetching }, ask] = useQuery({
    query: USAGE_SERIES,
    variables: { workspace: workspace.id, range, granularity },
    pause: range === FIRST,
  });
  const points = range === FIRST ? workspace.usageSeries : data?.workspace?.usageSeries;
  const isOnItsWay = range !== FIRST && fetching;
  return (
    <Panel
      title="Usage"
      aside={
        <SegmentedControl
          size="xs"
          aria-label="Time shown in the usage chart"
          data={RANGES}
          value={range}
          onChange={setRange}
        />
      }
    >
      {error && range !== FIRST && (
        <FailureNotice error={error} onRetry={() => ask({ requestPolicy: "network-only" })} />
      )}
      {isOnItsWay && (
        <div role="status">
          <VisuallyHidden>Loading the usage</VisuallyHidden>
          <Skeleton className={classes.place} />
        </div>
      )}
      {points && !isOnItsWay && (
        <UsageBars points={points} granularity={granularity} isTable={isTable} onTable={setTable} />
      )}
    </Panel>
  );
}
