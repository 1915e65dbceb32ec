import { Button, Drawer, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useQuery } from "urql";
import { useClosedByGoingBack } from "../goingBack";
import { graphql } from "../gql";
import type { ConversationChargesQuery } from "../gql/graphql";
import { formatCount, formatDate, formatMoment } from "../locale";
import { EmptyState } from "../states/EmptyState";
import { FailureNotice } from "../states/FailureNotice";
import { LoadingState } from "../states/LoadingState";
import classes from "./BillingDrawer.module.css";
import { LOT_KINDS, labelOf, UNTITLED, USAGE_KINDS } from "./labels";
import { countOf } from "./noun";

const CONVERSATION_CHARGES = graphql(`
  query ConversationCharges($id: ID!, $after: String) {
    node(id: $id) {
      id
      ... on ConversationUsage {
        conversationId
        title
        messageCount
        credits
        charges(first: 20, after: $after) {
          totalCount
          nodes {
            id
            kind
            messageCount
            credits
            unpaid
            occurredAt
            payments { credits lot { id kind expiresAt } }
          }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
  }
`);

const CHARGES = { one: "charge", other: "charges" };
const MESSAGES = { one: "message", other: "messages" };
const CREDITS = { one: "credit", other: "credits" };

type Node = NonNullable<ConversationChargesQuery["node"]>;
type Charge = Extract<Node, { charges: unknown }>["charges"]["nodes"][number];

interface Props {
  conversationId: string;
  opened: boolean;
  onClose: () => void;
}

/** What a conversation was charged for, when, and which credits paid it. Going back closes it. */
export default function BillingDrawer({ conversationId, opened, onClose }: Props) {
  useClosedByGoingBack(opened, onClose);
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size="lg"
      title="Billing detail"
      closeButtonProps={{ "aria-label": "Close the billing detail" }}
    >
      <Charges key={conversationId} id={conversationId} />
    </Drawer>
  );
}

function Charges({ id }: { id: string }) {
  const [after, setAfter] = useState<string | null>(null);
  const [earlier, setEarlier] = useState<Charge[]>([]);
  const [{ data, error, fetching }, ask] = useQuery({
    query: CONVERSATION_CHARGES,
    variables: { id, after },
  });
  const retry = () => ask({ requestPolicy: "network-only" });
  const conversation = data?.node && "charges" in data.node ? data.node : null;

  if (!conversation && fetching)
    return <LoadingState label="Loading the billing detail" lines={6} />;
  if (!conversation && error) return <FailureNotice error={error} onRetry={retry} />;
  if (!conversation) return <EmptyState title="This conversation is not there any more" />;

  const { nodes, pageInfo, totalCount } = conversation.charges;
  // While the next ones are on their way, these are still the last ones, which are shown already.
  const charges = fetching ? earlier : [...earlier, ...nodes];
  const showMore = () => {
    setEarlier(charges);
    setAfter(pageInfo.endCursor);
  };
  return (
    <Stack>
      <div>
        <Text fw={600} className={classes.title}>
          {conversation.title.trim() ? conversation.title : UNTITLED}
        </Text>
        <Text size="sm" c="dimmed">
          {countOf(conversation.messageCount, MESSAGES)}, {countOf(conversation.credits, CREDITS)}
        </Text>
      </div>
      <ol className={classes.charges} aria-label="Charges, latest first">
        {charges.map((charge) => (
          <ChargeItem key={charge.id} charge={charge} />
        ))}
      </ol>
      {(pageInfo.hasNextPage || fetching) && (
        <Button variant="default" loading={fetching} onClick={showMore}>
          Show more
        </Button>
      )}
      <Text size="sm" c="dimmed" role="status">
        {charges.length < totalCount && `${formatCount(charges.length)} of `}
        {countOf(totalCount, CHARGES)}
      </Text>
    </Stack>
  );
}

function ChargeItem({ charge }: { charge: Charge }) {
  const { kind, messageCount, credits, unpaid, occurredAt, payments } = charge;
  return (
    <li className={classes.charge}>
      <Group justify="space-between" align="baseline" wrap="nowrap">
        <Text size="sm" fw={600}>
          {labelOf(USAGE_KINDS, kind)}
        </Text>
        <Text size="sm" fw={600} className={classes.credits}>
          {countOf(credits, CREDITS)}
        </Text>
      </Group>
      <Text size="sm" c="dimmed">
        <time dateTime={occurredAt}>{formatMoment(occurredAt)}</time>
        {messageCount > 0 && `, ${countOf(messageCount, MESSAGES)}`}
      </Text>
      {credits > 0 && (
        <ul className={classes.payments}>
          {payments.map(({ lot, credits: paid }) => (
            <li key={lot.id}>
              {formatCount(paid)} from {labelOf(LOT_KINDS, lot.kind)}
              {lot.expiresAt && `, which expire on ${formatDate(lot.expiresAt)}`}
            </li>
          ))}
          {unpaid > 0 && <li>{formatCount(unpaid)} not paid yet: the next credits pay it</li>}
        </ul>
      )}
    </li>
  );
}
