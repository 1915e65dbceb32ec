import { graphql } from "../gql";
import type { AdjustmentsQuery, CreditAdjustmentOrderField } from "../gql/graphql";
import { formatChange, formatCount } from "../locale";
import { AdjustmentDetail } from "./AdjustmentDetail";
import { useAnswer } from "./answer";
import { ChoiceFilter, choicesOf } from "./ChoiceFilter";
import { CREATED_AT } from "./columns";
import { DateFilter } from "./DateFilter";
import { ADJUSTMENT_TYPES, labelOf } from "./labels";
import { TYPES } from "./noun";
import { RecordList } from "./RecordList";
import { type Column, RecordTable } from "./RecordTable";
import { type SortLabels, SortMenu } from "./SortMenu";
import { ADJUSTMENT_SORTS, adjustmentVariables, isFiltered, type Scope } from "./variables";
import { useRecordView, useSorting } from "./view";

const ADJUSTMENTS = graphql(`
  query Adjustments(
    $workspaceId: ID!
    $first: Int
    $after: String
    $last: Int
    $before: String
    $filterBy: CreditAdjustmentFilter
    $orderBy: CreditAdjustmentOrder
  ) {
    workspace(id: $workspaceId) {
      id
      creditAdjustments(
        first: $first
        after: $after
        last: $last
        before: $before
        filterBy: $filterBy
        orderBy: $orderBy
      ) {
        totalCount
        summary { granted removed net }
        nodes {
          id
          type
          amount
          createdAt
          description
          detail { ...AdjustmentDetail }
        }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
`);

const NOUN = { one: "adjustment", other: "adjustments" };

const SORT_LABELS: SortLabels<CreditAdjustmentOrderField> = {
  CREATED_AT: { DESC: "Newest first", ASC: "Oldest first" },
  AMOUNT: { DESC: "Most added first", ASC: "Most removed first" },
};

type Workspace = NonNullable<AdjustmentsQuery["workspace"]>;
type Summary = Workspace["creditAdjustments"]["summary"];
type Adjustment = Workspace["creditAdjustments"]["nodes"][number];

/** Why credits were added or removed, other than by usage. */
export function Adjustments(scope: Scope) {
  const { view, change } = useRecordView();
  const variables = adjustmentVariables(scope, view);
  const { data, error, isLoading, askAgain } = useAnswer({ query: ADJUSTMENTS, variables });
  const { sorting, sort, sortBy } = useSorting(ADJUSTMENT_SORTS);
  const list = data?.workspace?.creditAdjustments;
  return (
    <RecordList
      noun={NOUN}
      emptyText="Credits that are granted, bought, removed or expire will be listed here."
      list={list}
      error={error}
      isLoading={isLoading}
      onRetry={askAgain}
      isFiltered={isFiltered(variables)}
      totals={list ? totalsOf(list.summary) : []}
      toolbar={
        <>
          <DateFilter />
          <ChoiceFilter
            noun={TYPES}
            choices={choicesOf(ADJUSTMENT_TYPES)}
            chosen={variables.filterBy.types}
            onChange={(types) => change({ types })}
          />
          <SortMenu
            fields={ADJUSTMENT_SORTS}
            labels={SORT_LABELS}
            sorting={sorting}
            onChange={sort}
          />
        </>
      }
    >
      <RecordTable
        caption="Credit adjustments"
        columns={COLUMNS}
        rows={list?.nodes ?? []}
        sorting={sorting}
        onSort={sortBy}
        isLoading={isLoading}
      />
    </RecordList>
  );
}

const COLUMNS: Column<Adjustment, CreditAdjustmentOrderField>[] = [
  { header: "Type", cell: ({ type }) => labelOf(ADJUSTMENT_TYPES, type) },
  {
    header: "Amount",
    field: "AMOUNT",
    isNumber: true,
    cell: ({ amount }) => formatChange(amount),
  },
  {
    header: "Detail",
    cell: ({ detail, description }) => (
      <AdjustmentDetail detail={detail} description={description} />
    ),
  },
  CREATED_AT,
];

const totalsOf = ({ granted, removed, net }: Summary) => [
  { label: "Added", value: formatCount(granted) },
  { label: "Removed", value: formatCount(removed) },
  { label: "Net change", value: formatChange(net) },
];
