import { SegmentedControl, Skeleton, VisuallyHidden } from "@mantine/core";
import { useState } from "react";
import { useQuery } from "urql";
import { useUsageRange } from "../address";
import { type FragmentType, graphql, read } from "../gql";
import type { DateQuickPick } from "../gql/graphql";
import { Panel } from "../Panel";
import { FailureNotice } from "../states/FailureNotice";
import { UsageBars } from "./UsageBars";
import classes from "./UsageChart.module.css";
import { seriesOf } from "./usageRange";

const USAGE_CHART = graphql(`
  fragment UsageChart on Workspace {
    id
    usageSeries(filterBy: { occurredAt: { quickPick: $usage } }, granularity: $granularity) {
      ...UsageBars
    }
  }
`);

const USAGE_SERIES = graphql(`
  query UsageSeries($workspace: ID!, $usage: DateQuickPick!, $granularity: SeriesGranularity!) {
    workspace(id: $workspace) {
      ...UsageChart
    }
  }
`);

const RANGES: { value: DateQuickPick; label: string }[] = [
  { value: "LAST_7_DAYS", label: "7 days" },
  { value: "LAST_30_DAYS", label: "30 days" },
  { value: "LAST_3_MONTHS", label: "3 months" },
];

interface Props {
  workspace: FragmentType<typeof USAGE_CHART>;
  /** The time that came with the page; another one is asked for when it is chosen. */
  loadedRange: DateQuickPick;
}

/** The credits used over time, by what they were used for. */
export function UsageChart({ workspace: loaded, loadedRange }: Props) {
  const { id } = read(USAGE_CHART, loaded);
  const [range, setRange] = useUsageRange();
  const [isTable, setTable] = useState(false);
  const isLoaded = range === loadedRange;
  const series = seriesOf(range);
  const [{ data, error, fetching }, ask] = useQuery({
    query: USAGE_SERIES,
    variables: { workspace: id, ...series },
    pause: isLoaded,
  });
  const points = read(USAGE_CHART, isLoaded ? loaded : data?.workspace)?.usageSeries;
  const isOnItsWay = !isLoaded && fetching;
  return (
    <Panel
      title="Usage"
      aside={
        <SegmentedControl
          size="xs"
          aria-label="Time shown in the usage chart"
          data={RANGES}
          value={range}
          onChange={(next) => void setRange(next)}
        />
      }
    >
      {error && !isLoaded && (
        <FailureNotice error={error} onRetry={() => ask({ requestPolicy: "network-only" })} />
      )}
      {isOnItsWay && (
        <div role="status">
          <VisuallyHidden>Loading the usage</VisuallyHidden>
          <Skeleton className={classes.place} />
        </div>
      )}
      {points && !isOnItsWay && (
        <UsageBars
          points={points}
          granularity={series.granularity}
          isTable={isTable}
          onTable={setTable}
        />
      )}
    </Panel>
  );
}
