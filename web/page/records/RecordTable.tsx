import { Table, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowsSort, IconArrowUp } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./RecordTable.module.css";
import type { Sorting } from "./sorting";

export interface Column<Row, Field extends string> {
  header: string;
  cell: (row: Row) => ReactNode;
  /** What the list is sorted by from this column's header. */
  field?: Field;
  isNumber?: boolean;
  /** Whether its values are never broken into lines. */
  isShort?: boolean;
}

interface Props<Row, Field extends string> {
  caption: string;
  /** The first one names its row. */
  columns: Column<Row, Field>[];
  rows: Row[];
  sorting: Sorting<Field>;
  onSort: (field: Field) => void;
  /** Whether other rows are on their way: these stay until they are there. */
  isLoading: boolean;
}

/** Rows under sortable headers; on a narrow page each row is a card that names its values. */
export function RecordTable<Row extends { id: string }, Field extends string>({
  caption,
  columns,
  rows,
  sorting,
  onSort,
  isLoading,
}: Props<Row, Field>) {
  return (
    <Table
      className={classes.table}
      verticalSpacing="xs"
      aria-busy={isLoading}
      data-loading={isLoading || undefined}
    >
      <Table.Caption className={classes.caption}>{caption}</Table.Caption>
      <Table.Thead className={classes.head}>
        <Table.Tr>
          {columns.map((column) => (
            <Header key={column.header} column={column} sorting={sorting} onSort={onSort} />
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody className={classes.body}>
        {rows.map((row) => (
          <Table.Tr key={row.id} className={classes.row}>
            {columns.map(({ header, cell, isNumber, isShort }, position) => {
              const Cell = position === 0 ? Table.Th : Table.Td;
              return (
                <Cell
                  key={header}
                  className={classes.cell}
                  data-label={header}
                  data-number={isNumber || undefined}
                  data-short={isShort || undefined}
                  {...(position === 0 && { scope: "row" })}
                >
                  {cell(row)}
                </Cell>
              );
            })}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

interface HeaderProps<Row, Field extends string> {
  column: Column<Row, Field>;
  sorting: Sorting<Field>;
  onSort: (field: Field) => void;
}

function Header<Row, Field extends string>({ column, sorting, onSort }: HeaderProps<Row, Field>) {
  const { header, field, isNumber } = column;
  const shared = { scope: "col", className: classes.header, "data-number": isNumber || undefined };
  if (!field) return <Table.Th {...shared}>{header}</Table.Th>;

  const order = field !== sorting.field ? "none" : ORDERS[sorting.direction];
  const Icon = ICONS[order];
  return (
    <Table.Th {...shared} aria-sort={order}>
      <UnstyledButton className={classes.sort} onClick={() => onSort(field)}>
        {header}
        <Icon size="0.875rem" aria-hidden />
      </UnstyledButton>
    </Table.Th>
  );
}

const ORDERS = { ASC: "ascending", DESC: "descending" } as const;
const ICONS = { ascending: IconArrowUp, descending: IconArrowDown, none: IconArrowsSort };
