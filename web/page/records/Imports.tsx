import { graphql } from "../gql";
import type { ImportsQuery, ImportUsageOrderField } from "../gql/graphql";
import { formatCount } from "../locale";
import { useAnswer } from "./answer";
import { ChoiceFilter, choicesOf } from "./ChoiceFilter";
import { CREATED_AT, CREDITS, USER } from "./columns";
import { DateFilter } from "./DateFilter";
import { Identifier } from "./Identifier";
import { IMPORT_TYPES, labelOf } from "./labels";
import { TYPES } from "./noun";
import { RecordList } from "./RecordList";
import { type Column, RecordTable } from "./RecordTable";
import { SortMenu } from "./SortMenu";
import { TIME_AND_CREDITS } from "./sortLabels";
import { IMPORT_SORTS, importVariables, isFiltered, type Scope } from "./variables";
import { useRecordView, useSorting } from "./view";
import { WebLink } from "./WebLink";

const IMPORTS = graphql(`
  query Imports(
    $workspaceId: ID!
    $canSeeUsers: Boolean!
    $first: Int
    $after: String
    $last: Int
    $before: String
    $filterBy: ImportUsageFilter
    $orderBy: ImportUsageOrder
  ) {
    workspace(id: $workspaceId) {
      id
      importUsage(
        first: $first
        after: $after
        last: $last
        before: $before
        filterBy: $filterBy
        orderBy: $orderBy
      ) {
        totalCount
        summary { credits }
        nodes {
          id
          taskId
          importType
          importUrl
          credits
          createdAt
          user @include(if: $canSeeUsers) { id name email }
        }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
`);

const NOUN = { one: "import", other: "imports" };

type Workspace = NonNullable<ImportsQuery["workspace"]>;
type Import = Workspace["importUsage"]["nodes"][number];

/** The credits that imports of brands and products have cost. */
export function Imports(scope: Scope) {
  const { view, change } = useRecordView();
  const variables = importVariables(scope, view);
  const { data, error, isLoading, askAgain } = useAnswer({ query: IMPORTS, variables });
  const { sorting, sort, sortBy } = useSorting(IMPORT_SORTS);
  const list = data?.workspace?.importUsage;
  return (
    <RecordList
      noun={NOUN}
      emptyText="Imports of brands and products and what they cost will be listed here."
      list={list}
      error={error}
      isLoading={isLoading}
      onRetry={askAgain}
      isFiltered={isFiltered(variables)}
      totals={list ? [{ label: "Credits", value: formatCount(list.summary.credits) }] : []}
      toolbar={
        <>
          <DateFilter />
          <ChoiceFilter
            noun={TYPES}
            choices={choicesOf(IMPORT_TYPES)}
            chosen={variables.filterBy.importTypes}
            onChange={(types) => change({ types })}
          />
          <SortMenu
            fields={IMPORT_SORTS}
            labels={TIME_AND_CREDITS}
            sorting={sorting}
            onChange={sort}
          />
        </>
      }
    >
      <RecordTable
        caption="Credit usage of imports"
        columns={columnsOf(scope)}
        rows={list?.nodes ?? []}
        sorting={sorting}
        onSort={sortBy}
        isLoading={isLoading}
      />
    </RecordList>
  );
}

function columnsOf({ canSeeUsers }: Scope): Column<Import, ImportUsageOrderField>[] {
  return [
    { header: "Task ID", cell: ({ taskId }) => <Identifier label="task ID" id={taskId} /> },
    {
      header: "Import type",
      isShort: true,
      cell: ({ importType }) => labelOf(IMPORT_TYPES, importType),
    },
    {
      header: "Import URL",
      cell: ({ importUrl }) => <WebLink address={importUrl}>{importUrl}</WebLink>,
    },
    CREDITS,
    ...(canSeeUsers ? [USER] : []),
    CREATED_AT,
  ];
}
