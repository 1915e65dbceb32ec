import { UnstyledButton } from "@mantine/core";
import { lazy, useState } from "react";
import { graphql } from "../gql";
import type { ConversationsQuery, ConversationUsageOrderField } from "../gql/graphql";
import { formatCount } from "../locale";
import { OnceOpened } from "../states/OnceOpened";
import { useAnswer } from "./answer";
import { ChoiceFilter, choicesOf } from "./ChoiceFilter";
import classes from "./Conversations.module.css";
import { Moment, USER } from "./columns";
import { DateFilter } from "./DateFilter";
import { Identifier } from "./Identifier";
import { LongText } from "./LongText";
import { BILLING_TYPES, labelOf, UNTITLED } from "./labels";
import { TYPES } from "./noun";
import { RecordList } from "./RecordList";
import { type Column, RecordTable } from "./RecordTable";
import { SearchField } from "./SearchField";
import { type SortLabels, SortMenu } from "./SortMenu";
import { CONVERSATION_SORTS, conversationVariables, isFiltered, type Scope } from "./variables";
import { useRecordView, useSorting } from "./view";

const BillingDrawer = lazy(() => import("./BillingDrawer"));

const CONVERSATIONS = graphql(`
  query Conversations(
    $workspaceId: ID!
    $canSeeUsers: Boolean!
    $first: Int
    $after: String
    $last: Int
    $before: String
    $filterBy: ConversationUsageFilter
    $orderBy: ConversationUsageOrder
  ) {
    workspace(id: $workspaceId) {
      id
      conversationUsage(
        first: $first
        after: $after
        last: $last
        before: $before
        filterBy: $filterBy
        orderBy: $orderBy
      ) {
        totalCount
        summary { messageCount credits }
        nodes {
          id
          conversationId
          title
          messageCount
          credits
          billingType
          updatedAt
          user @include(if: $canSeeUsers) { id name email }
        }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
`);

const NOUN = { one: "conversation", other: "conversations" };

const SORT_LABELS: SortLabels<ConversationUsageOrderField> = {
  UPDATED_AT: { DESC: "Newest first", ASC: "Oldest first" },
  CREDITS: { DESC: "Most credits first", ASC: "Fewest credits first" },
  MESSAGE_COUNT: { DESC: "Most messages first", ASC: "Fewest messages first" },
};

type Workspace = NonNullable<ConversationsQuery["workspace"]>;
type Conversation = Workspace["conversationUsage"]["nodes"][number];

/** The credits that conversations, and the images and videos made in them, have cost. */
export function Conversations(scope: Scope) {
  const { view, change } = useRecordView();
  const variables = conversationVariables(scope, view);
  const { data, error, isLoading, askAgain } = useAnswer({ query: CONVERSATIONS, variables });
  const { sorting, sort, sortBy } = useSorting(CONVERSATION_SORTS);
  const [billed, setBilled] = useState({ id: "", isOpened: false });
  const list = data?.workspace?.conversationUsage;
  return (
    <>
      <RecordList
        noun={NOUN}
        emptyText="What members do in conversations and what it costs will be listed here."
        list={list}
        error={error}
        isLoading={isLoading}
        onRetry={askAgain}
        isFiltered={isFiltered(variables)}
        totals={
          list
            ? [
                { label: "Messages", value: formatCount(list.summary.messageCount) },
                { label: "Credits", value: formatCount(list.summary.credits) },
              ]
            : []
        }
        toolbar={
          <>
            <SearchField
              label={scope.canSeeUsers ? "Search by ID, title or creator" : "Search by ID or title"}
              value={view.search}
              isFiltered={isFiltered(variables)}
              onChange={(search, step) => change({ search }, step)}
            />
            <DateFilter />
            <ChoiceFilter
              noun={TYPES}
              choices={choicesOf(BILLING_TYPES)}
              chosen={variables.filterBy.billingTypes}
              onChange={(types) => change({ types })}
            />
            <SortMenu
              fields={CONVERSATION_SORTS}
              labels={SORT_LABELS}
              sorting={sorting}
              onChange={sort}
            />
          </>
        }
      >
        <RecordTable
          caption="Credit usage of conversations"
          columns={columnsOf(scope, ({ id }) => setBilled({ id, isOpened: true }))}
          rows={list?.nodes ?? []}
          sorting={sorting}
          onSort={sortBy}
          isLoading={isLoading}
        />
      </RecordList>
      <OnceOpened isOpened={billed.isOpened}>
        <BillingDrawer
          conversationId={billed.id}
          opened={billed.isOpened}
          onClose={() => setBilled({ ...billed, isOpened: false })}
        />
      </OnceOpened>
    </>
  );
}

function columnsOf(
  { canSeeUsers }: Scope,
  onBilled: (conversation: Conversation) => void,
): Column<Conversation, ConversationUsageOrderField>[] {
  return [
    {
      header: "Conversation ID",
      cell: ({ conversationId }) => <Identifier label="conversation ID" id={conversationId} />,
    },
    { header: "Title", cell: ({ title }) => <LongText empty={UNTITLED}>{title}</LongText> },
    {
      header: "Message count",
      field: "MESSAGE_COUNT",
      isNumber: true,
      cell: ({ messageCount }) => formatCount(messageCount),
    },
    {
      header: "Credits",
      field: "CREDITS",
      isNumber: true,
      cell: (conversation) => (
        <UnstyledButton
          className={classes.credits}
          aria-haspopup="dialog"
          aria-label={`${formatCount(conversation.credits)} credits: show the billing detail`}
          onClick={() => onBilled(conversation)}
        >
          {formatCount(conversation.credits)}
        </UnstyledButton>
      ),
    },
    ...(canSeeUsers ? [USER] : []),
    {
      header: "Billing type",
      isShort: true,
      cell: ({ billingType }) => labelOf(BILLING_TYPES, billingType),
    },
    {
      header: "Updated at",
      field: "UPDATED_AT",
      isShort: true,
      cell: ({ updatedAt }) => <Moment at={updatedAt} />,
    },
  ];
}
