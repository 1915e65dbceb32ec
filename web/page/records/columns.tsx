import { formatCount, formatMoment } from "../locale";
import { LongText } from "./LongText";
import type { Column } from "./RecordTable";

/** The columns that several lists have. */

/** What a row has cost. */
export const CREDITS: Column<{ credits: number }, "CREDITS"> = {
  header: "Credits",
  field: "CREDITS",
  isNumber: true,
  cell: ({ credits }) => formatCount(credits),
};

/** Who used it, and their address on hover: nobody where the person is no longer known. */
export const USER: Column<{ user?: { name: string; email: string } | null }, never> = {
  header: "User",
  cell: ({ user }) => (user ? <LongText title={user.email}>{user.name}</LongText> : "Unknown"),
};

export const CREATED_AT: Column<{ createdAt: string }, "CREATED_AT"> = {
  header: "Created at",
  field: "CREATED_AT",
  isShort: true,
  cell: ({ createdAt }) => <Moment at={createdAt} />,
};

/** When something was, by the person's clock. */
export function Moment({ at }: { at: string }) {
  return <time dateTime={at}>{formatMoment(at)}</time>;
}
