import { ScrollArea, Table, VisuallyHidden } from "@mantine/core";
import { formatCount } from "../locale";
import { labelOf, USAGE_KINDS } from "../records/labels";
import { nameOf, type Point } from "./UsageBars";
import classes from "./UsageTable.module.css";

/** The numbers of the chart. */
export function UsageTable({ caption, points }: { caption: string; points: Point[] }) {
  const kinds = points[0]?.byKind.map(({ kind }) => kind) ?? [];
  return (
    <ScrollArea.Autosize
      mah="20rem"
      viewportProps={{ tabIndex: 0, role: "region", "aria-label": caption }}
    >
      <Table stickyHeader className={classes.table}>
        <VisuallyHidden component="caption">{caption}</VisuallyHidden>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">When</Table.Th>
            {kinds.map((kind) => (
              <Table.Th key={kind} scope="col" ta="right">
                {labelOf(USAGE_KINDS, kind)}
              </Table.Th>
            ))}
            <Table.Th scope="col" ta="right">
              Credits
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {points.map((point) => (
            <Table.Tr key={point.start}>
              <Table.Th scope="row">{nameOf(point)}</Table.Th>
              {point.byKind.map(({ kind, credits }) => (
                <Table.Td key={kind} ta="right">
                  {formatCount(credits)}
                </Table.Td>
              ))}
              <Table.Td ta="right">{formatCount(point.credits)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea.Autosize>
  );
}
