import { Alert, Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconCalendarEvent } from "@tabler/icons-react";
import { lazy, type RefObject, useEffect, useRef } from "react";
import { Actions } from "../Actions";
import { Fact, Facts } from "../Facts";
import { type FragmentType, graphql, read } from "../gql";
import type { PlanCardFragment } from "../gql/graphql";
import { formatCount, formatDate, formatMoney } from "../locale";
import { Panel } from "../Panel";
import { OnceOpened } from "../states/OnceOpened";
import { labelOfCycle, labelOfKind, labelOfPlan, labelPerCycle } from "./labels";
import { PortalButton } from "./PortalButton";
import { rhythmOf } from "./rhythm";
import { UndoButton } from "./UndoButton";
import { WaitingNotice } from "./WaitingNotice";
import { useWaitingPayment } from "./waiting";

const PlanDialog = lazy(() =>
  import("./PlanDialog").then(({ PlanDialog }) => ({ default: PlanDialog })),
);

const PLAN_CARD = graphql(`
  fragment PlanCard on Workspace {
    id
    viewerPermissions { canManagePlan canOpenPortal reason }
    subscription {
      kind
      status
      billingCycle
      currentPeriodStart
      currentPeriodEnd
      plan {
        id
        name
        description
        creditsPerRefresh
        kind
        refreshes
        prices { billingCycle price { amountMinor currency } }
      }
      pendingChange { effectiveAt billingCycle plan { id name } }
    }
  }
`);

type Subscription = PlanCardFragment["subscription"];

/** The plan that the workspace holds, what is to come, and what its owner can do about it. */
export function PlanCard({ workspace: shown }: { workspace: FragmentType<typeof PLAN_CARD> }) {
  const { id, subscription, viewerPermissions } = read(PLAN_CARD, shown);
  const { canManagePlan, canOpenPortal, reason } = viewerPermissions;
  const [isOpened, { open, close }] = useDisclosure();
  const [payment] = useWaitingPayment(id, subscription);
  const changePlan = useRef<HTMLButtonElement>(null);
  return (
    <Panel
      title="Plan"
      aside={
        subscription.kind !== "FREE" && (
          <Badge variant="light" tt="none">
            {labelOfKind(subscription.kind)}
          </Badge>
        )
      }
    >
      <Stack gap={0}>
        <Group gap="xs" align="baseline">
          <Text size="xl" fw={700}>
            {subscription.plan.name}
          </Text>
          <Price subscription={subscription} />
        </Group>
        <Text size="sm" c="dimmed">
          {subscription.plan.description}
        </Text>
      </Stack>
      {subscription.status === "PAST_DUE" && <PastDue isOwner={canOpenPortal} />}
      {canManagePlan && <WaitingNotice payment={payment} />}
      <PlanFacts subscription={subscription} />
      {subscription.pendingChange && (
        <PendingChange change={subscription.pendingChange} heir={changePlan}>
          <UndoButton workspaceId={id} disabled={!canManagePlan} />
        </PendingChange>
      )}
      <Actions label="Plan" reason={canManagePlan && canOpenPortal ? null : reason}>
        <Button ref={changePlan} onClick={open} disabled={!canManagePlan}>
          Change plan
        </Button>
        <PortalButton workspaceId={id} disabled={!canOpenPortal} />
      </Actions>
      <OnceOpened isOpened={isOpened}>
        <PlanDialog workspaceId={id} opened={isOpened} onClose={close} />
      </OnceOpened>
    </Panel>
  );
}

function Price({ subscription: { plan, billingCycle } }: { subscription: Subscription }) {
  const paid = plan.prices.find((each) => each.billingCycle === billingCycle);
  return (
    paid && (
      <Text>
        {formatMoney(paid.price)} {labelPerCycle(paid.billingCycle)}
      </Text>
    )
  );
}

function PlanFacts({ subscription }: { subscription: Subscription }) {
  const { billingCycle, currentPeriodStart, currentPeriodEnd, plan } = subscription;
  return (
    <Facts>
      <Fact term={`Credits ${rhythmOf(plan)}`}>{formatCount(plan.creditsPerRefresh)}</Fact>
      {billingCycle && <Fact term="Billing cycle">{labelOfCycle(billingCycle)}</Fact>}
      <Fact term={currentPeriodEnd ? "Current period began" : "Since"}>
        {formatDate(currentPeriodStart)}
      </Fact>
      {currentPeriodEnd && <Fact term={endsBy(subscription)}>{formatDate(currentPeriodEnd)}</Fact>}
    </Facts>
  );
}

/** What happens when the current period is over. */
function endsBy({ kind, pendingChange }: Subscription): string {
  return kind === "RECURRING" && !pendingChange ? "Renews on" : "Current period ends";
}

function PastDue({ isOwner }: { isOwner: boolean }) {
  return (
    <Alert color="red" title="The last payment failed" icon={<IconAlertTriangle aria-hidden />}>
      {isOwner ? "You" : "The owner"} can put it right in the customer portal. Otherwise the plan
      ends.
    </Alert>
  );
}

interface PendingChangeProps {
  change: NonNullable<Subscription["pendingChange"]>;
  /** What has the focus after what is in here, which goes when the change does. */
  heir: RefObject<HTMLElement | null>;
  children: React.ReactNode;
}

function PendingChange({ change, heir, children }: PendingChangeProps) {
  const { plan, billingCycle, effectiveAt } = change;
  useEffect(
    () => () => {
      const isLost = document.activeElement === document.body;
      if (isLost) heir.current?.focus({ preventScroll: true });
    },
    [heir],
  );
  return (
    <Alert
      role="note"
      title={`Changes to ${labelOfPlan(plan.name, billingCycle)} on ${formatDate(effectiveAt)}`}
      icon={<IconCalendarEvent aria-hidden />}
    >
      <Stack gap="sm" align="flex-start">
        <Text size="sm">Until then everything stays as it is.</Text>
        {children}
      </Stack>
    </Alert>
  );
}
