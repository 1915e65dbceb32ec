import { graphql } from "../gql";
import type { McpHttpCallOrderField, McpHttpCallsQuery } from "../gql/graphql";
import { formatCount } from "../locale";
import { useAnswer } from "./answer";
import { CREATED_AT, CREDITS, USER } from "./columns";
import { DateFilter } from "./DateFilter";
import { Identifier } from "./Identifier";
import { KeyFilter } from "./KeyFilter";
import { LongText } from "./LongText";
import { RecordList } from "./RecordList";
import { type Column, RecordTable } from "./RecordTable";
import { SortMenu } from "./SortMenu";
import { TIME_AND_CREDITS } from "./sortLabels";
import { CALL_SORTS, callVariables, isFiltered, type Scope } from "./variables";
import { useRecordView, useSorting } from "./view";

const MCP_HTTP_CALLS = graphql(`
  query McpHttpCalls(
    $workspaceId: ID!
    $canSeeUsers: Boolean!
    $first: Int
    $after: String
    $last: Int
    $before: String
    $filterBy: McpHttpCallFilter
    $orderBy: McpHttpCallOrder
  ) {
    workspace(id: $workspaceId) {
      id
      ...KeyFilter
      mcpHttpCalls(
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
          callId
          apiKey { id name revokedAt }
          credits
          createdAt
          user @include(if: $canSeeUsers) { id name email }
        }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
`);

const NOUN = { one: "call", other: "calls" };

type Workspace = NonNullable<McpHttpCallsQuery["workspace"]>;
type Call = Workspace["mcpHttpCalls"]["nodes"][number];

/** The credits that requests with an API key have cost. */
export function McpHttpCalls(scope: Scope) {
  const { view, change } = useRecordView();
  const variables = callVariables(scope, view);
  const { data, error, isLoading, askAgain } = useAnswer({ query: MCP_HTTP_CALLS, variables });
  const { sorting, sort, sortBy } = useSorting(CALL_SORTS);
  const workspace = data?.workspace ?? undefined;
  const list = workspace?.mcpHttpCalls;
  return (
    <RecordList
      noun={NOUN}
      emptyText="Requests that are made with an API key and what they cost will be listed here."
      list={list}
      error={error}
      isLoading={isLoading}
      onRetry={askAgain}
      isFiltered={isFiltered(variables)}
      totals={list ? [{ label: "Credits", value: formatCount(list.summary.credits) }] : []}
      toolbar={
        <>
          <DateFilter />
          <KeyFilter
            workspace={workspace}
            chosen={variables.filterBy.apiKeyIds}
            onChange={(keys) => change({ keys })}
          />
          <SortMenu
            fields={CALL_SORTS}
            labels={TIME_AND_CREDITS}
            sorting={sorting}
            onChange={sort}
          />
        </>
      }
    >
      <RecordTable
        caption="Credit usage of MCP-HTTP calls"
        columns={columnsOf(scope)}
        rows={list?.nodes ?? []}
        sorting={sorting}
        onSort={sortBy}
        isLoading={isLoading}
      />
    </RecordList>
  );
}

function columnsOf({ canSeeUsers }: Scope): Column<Call, McpHttpCallOrderField>[] {
  return [
    { header: "Call ID", cell: ({ callId }) => <Identifier label="call ID" id={callId} /> },
    {
      header: "API key name",
      cell: ({ apiKey: { name, revokedAt } }) => (
        <LongText>{revokedAt ? `${name} (revoked)` : name}</LongText>
      ),
    },
    CREDITS,
    ...(canSeeUsers ? [USER] : []),
    CREATED_AT,
  ];
}
