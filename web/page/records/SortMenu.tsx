import { NativeSelect } from "@mantine/core";
import type { OrderDirection } from "../gql/graphql";
import type { Sorting } from "./sorting";

/** What each end of a field is called, such as "Newest first". */
export type SortLabels<Field extends string> = Record<Field, Record<OrderDirection, string>>;

const DIRECTIONS = ["DESC", "ASC"] as const satisfies OrderDirection[];

interface Props<Field extends string> {
  fields: readonly Field[];
  labels: SortLabels<Field>;
  sorting: Sorting<Field>;
  onChange: (sorting: Sorting<Field>) => void;
}

/** All ways to sort a list, in both directions. */
export function SortMenu<Field extends string>(props: Props<Field>) {
  const { fields, labels, sorting, onChange } = props;
  const ways = fields.flatMap((field) => DIRECTIONS.map((direction) => ({ field, direction })));
  const current = ways.findIndex(
    ({ field, direction }) => field === sorting.field && direction === sorting.direction,
  );
  return (
    <NativeSelect
      aria-label="Sort by"
      value={String(current)}
      onChange={(event) => {
        const way = ways[Number(event.currentTarget.value)];
        if (way) onChange(way);
      }}
      data={ways.map(({ field, direction }, place) => ({
        value: String(place),
        label: labels[field][direction],
      }))}
    />
  );
}
