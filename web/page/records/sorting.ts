import type { View } from "../address";
import type { OrderDirection } from "../gql/graphql";

/** What a list can be sorted by: at least one field, and the first one unless another is chosen. */
export type SortFields<Field extends string> = readonly [Field, ...Field[]];

export interface Sorting<Field extends string> {
  field: Field;
  direction: OrderDirection;
}

/** The sorting that the address asks for, or the list's own: its first field, the highest first. */
export function sortingOf<Field extends string>(
  { sort, direction }: Pick<View, "sort" | "direction">,
  fields: SortFields<Field>,
): Sorting<Field> {
  return {
    field: fields.find((field) => field === sort) ?? fields[0],
    direction: direction ?? "DESC",
  };
}

/** What the address says of a sorting: nothing where it is the list's own. */
export function addressOf<Field extends string>(
  { field, direction }: Sorting<Field>,
  fields: SortFields<Field>,
): Pick<View, "sort" | "direction"> {
  return {
    sort: field === fields[0] ? null : field,
    direction: direction === "DESC" ? null : direction,
  };
}

/** Sort by a field: the highest first, and the other way round when asked again. */
export function sortedBy<Field extends string>(
  field: Field,
  current: Sorting<Field>,
): Sorting<Field> {
  const isAgain = field === current.field && current.direction === "DESC";
  return { field, direction: isAgain ? "ASC" : "DESC" };
}
