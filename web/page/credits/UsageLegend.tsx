import { Text } from "@mantine/core";
import "./kinds.css";
import type { UsageKind } from "../gql/graphql";
import { formatCount } from "../locale";
import { labelOf, USAGE_KINDS } from "../records/labels";
import type { Point } from "./UsageBars";
import classes from "./UsageLegend.module.css";

/** Which colour is which kind, and how much of it was used in all these points. */
export function UsageLegend({ title, points }: { title: string; points: Point[] }) {
  const sums = new Map<UsageKind, number>();
  for (const { kind, credits } of points.flatMap(({ byKind }) => byKind)) {
    sums.set(kind, (sums.get(kind) ?? 0) + credits);
  }
  const total = points.reduce((sum, { credits }) => sum + credits, 0);
  return (
    <div>
      <Text size="sm">
        <bdi>{title}</bdi>: <strong>{formatCount(total)}</strong> credits
      </Text>
      <ul className={classes.kinds}>
        {[...sums].map(([kind, credits]) => (
          <li key={kind}>
            <span className={classes.colour} data-kind={kind} aria-hidden />
            {labelOf(USAGE_KINDS, kind)} <strong>{formatCount(credits)}</strong>
          </li>
        ))}
      </ul>
    </div>
  );
}
