import { Button, Text } from "@mantine/core";
import { nice, ticks } from "d3-array";
import { useState } from "react";
import { type FragmentType, graphql, read } from "../gql";
import type { SeriesGranularity, UsageBarsFragment } from "../gql/graphql";
import { formatDayOfYear, formatDays, formatShort } from "../locale";
import classes from "./UsageBars.module.css";
import { UsageLegend } from "./UsageLegend";
import { UsageTable } from "./UsageTable";

const USAGE_BARS = graphql(`
  fragment UsageBars on UsagePoint {
    start
    end
    credits
    byKind { kind credits }
  }
`);

/** What was used in a day or a week. */
export type Point = UsageBarsFragment;

const BUCKETS: Record<SeriesGranularity, string> = { DAY: "day", WEEK: "week", MONTH: "month" };
const STEPS = 3;

interface Props {
  points: FragmentType<typeof USAGE_BARS>[];
  granularity: SeriesGranularity;
  /** Whether the numbers are shown in a table, in the place of the bars. */
  isTable: boolean;
  onTable: (isTable: boolean) => void;
}

/**
 * A bar for each day or week, stacked by kind. These are plain elements: a chart library that
 * stacks bars is as heavy as all the rest of the page. The numbers are in the legend, those of the
 * bar that is pointed at or of all, and in a table.
 */
export function UsageBars({ points: shown, granularity, isTable, onTable }: Props) {
  const points = shown.map((point) => read(USAGE_BARS, point));
  const [pointed, setPointed] = useState<number | null>(null);
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last || points.every(({ credits }) => credits === 0)) {
    return <Text c="dimmed">No credits were used in this time.</Text>;
  }

  const caption = `Credits used each ${BUCKETS[granularity]} (UTC)`;
  const bar = pointed === null ? undefined : points[pointed];
  return (
    <figure className={classes.figure}>
      <figcaption className={classes.caption}>
        <Text span size="sm" c="dimmed">
          {caption}
        </Text>
        <Button size="compact-sm" variant="default" onClick={() => onTable(!isTable)}>
          {isTable ? "Show as chart" : "Show as table"}
        </Button>
      </figcaption>
      {isTable ? (
        <UsageTable caption={caption} points={points} />
      ) : (
        <>
          <Plot points={points} onPoint={setPointed} />
          <UsageLegend
            title={nameOf(bar ?? { start: first.start, end: last.end })}
            points={bar ? [bar] : points}
          />
        </>
      )}
    </figure>
  );
}

/** `Mar 1, 2026` for a day, `Mar 1 – 7, 2026` for more of them */
export function nameOf({ start, end }: Pick<Point, "start" | "end">): string {
  return formatDays(new Date(start), new Date(Date.parse(end) - 1));
}

interface PlotProps {
  points: Point[];
  onPoint: (index: number | null) => void;
}

/** The bars over their steps; who does not see them has the legend and the table. */
function Plot({ points, onPoint }: PlotProps) {
  const most = Math.max(...points.map(({ credits }) => credits));
  const [, top] = nice(0, most, STEPS);
  const middle = points[Math.floor(points.length / 2)];
  return (
    <div aria-hidden className={classes.plot}>
      <div className={classes.area}>
        {ticks(0, top, STEPS).map((step) => (
          <div key={step} className={classes.step} style={{ bottom: percent(step, top) }}>
            {formatShort(step)}
          </div>
        ))}
        <div className={classes.bars} onPointerLeave={() => onPoint(null)}>
          {points.map((point, index) => (
            <div key={point.start} className={classes.bar} onPointerEnter={() => onPoint(index)}>
              {point.byKind.map(
                ({ kind, credits }) =>
                  credits > 0 && (
                    <div key={kind} data-kind={kind} style={{ height: percent(credits, top) }} />
                  ),
              )}
            </div>
          ))}
        </div>
      </div>
      <div className={classes.days}>
        {[points[0], middle, points.at(-1)].map(
          (point) =>
            point && <span key={point.start}>{formatDayOfYear(new Date(point.start))}</span>,
        )}
      </div>
    </div>
  );
}

function percent(credits: number, top: number): string {
  return `${(100 * credits) / top}%`;
}
