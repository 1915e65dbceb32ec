import { Alert, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useEffect } from "react";
import { useQuery } from "urql";
import { graphql, read } from "../gql";
import type { PlanChoiceQuery } from "../gql/graphql";
import { RefusalNotice } from "../requests/RefusalNotice";
import { EmptyState } from "../states/EmptyState";
import { FailureNotice } from "../states/FailureNotice";
import { LoadingState } from "../states/LoadingState";
import { Authentication } from "./Authentication";
import { FreeConfirmation } from "./FreeConfirmation";
import { fingerprintOf, HELD } from "./held";
import { OPTION } from "./option";
import classes from "./PlanChoice.module.css";
import { PlanComparison } from "./PlanComparison";
import { PortalButton } from "./PortalButton";
import { SwitchConfirmation } from "./SwitchConfirmation";
import { usePlanSwitch } from "./usePlanSwitch";
import { WaitingNotice } from "./WaitingNotice";
import { useWaitingPayment } from "./waiting";

const PLAN_CHOICE = graphql(`
  query PlanChoice($workspace: ID!) {
    workspace(id: $workspace) {
      id
      viewerPermissions { canManagePlan canOpenPortal }
      subscription { ...HeldPlan }
      planOptions { ...PlanChoiceOption }
      creditBalance { recurring purchased granted }
    }
  }
`);

const NOT_OWNER = "Only the owner of the workspace can change its plan.";

interface Props {
  workspaceId: string;
  /** Told whether something is being asked for that should not be left alone. */
  onBusy: (isBusy: boolean) => void;
  onDone: () => void;
}

/** Asks what can be chosen; then leads from the comparison of the plans to one of them. */
export function PlanChoice({ workspaceId, ...on }: Props) {
  const [{ data, error }, ask] = useQuery({
    query: PLAN_CHOICE,
    variables: { workspace: workspaceId },
    requestPolicy: "cache-and-network",
  });
  const workspace = data?.workspace;
  if (workspace) return <Steps workspace={workspace} {...on} />;
  return (
    <div className={classes.wide}>
      {error && (
        <FailureNotice error={error} onRetry={() => ask({ requestPolicy: "network-only" })} />
      )}
      {data && !error && <EmptyState title="This workspace is not there any more" />}
      {!data && !error && <LoadingState label="Loading the plans" lines={8} />}
    </div>
  );
}

interface StepsProps extends Omit<Props, "workspaceId"> {
  workspace: NonNullable<PlanChoiceQuery["workspace"]>;
}

function Steps({ workspace, onBusy, onDone }: StepsProps) {
  const held = read(HELD, workspace.subscription);
  const before = fingerprintOf(held);
  const [payment, onWaiting] = useWaitingPayment(workspace.id, held);
  const planSwitch = usePlanSwitch({ workspaceId: workspace.id, before, onWaiting, onDone });
  const { step, busyWith, refusal } = planSwitch;
  const isBusy = busyWith !== null;
  useEffect(() => {
    onBusy(isBusy);
    return () => onBusy(false);
  }, [isBusy, onBusy]);

  const waiting = <WaitingNotice payment={payment} />;
  const shared = { workspaceId: workspace.id, held, planSwitch, waiting };
  if (step.name === "confirm") return <SwitchConfirmation option={step.option} {...shared} />;
  if (step.name === "downgrade") {
    const { creditBalance: credits } = workspace;
    return <FreeConfirmation option={step.option} credits={credits} {...shared} />;
  }
  if (step.name === "authenticate") {
    const { name: _, ...payment } = step;
    const places = { workspaceId: workspace.id, before };
    return <Authentication {...payment} {...places} onBack={planSwitch.back} onDone={onDone} />;
  }

  const { canManagePlan, canOpenPortal } = workspace.viewerPermissions;
  const retry = () => busyWith === null && planSwitch.retry();
  return (
    <Stack gap="lg" className={classes.wide}>
      {held.status === "PAST_DUE" && (
        <Alert color="red" title="A payment is due" icon={<IconAlertTriangle aria-hidden />}>
          Pay it in the customer portal. Then you can change your plan.
        </Alert>
      )}
      {waiting}
      <RefusalNotice refusal={refusal} onRetry={retry} />
      <PlanComparison
        options={read(OPTION, workspace.planOptions)}
        held={held}
        from={step.from}
        obstacle={canManagePlan ? null : NOT_OWNER}
        busyWith={busyWith}
        onChoose={planSwitch.choose}
      />
      <Group justify="space-between" gap="sm">
        <Text size="sm" c="dimmed">
          Cards and invoices are in the customer portal.
        </Text>
        <PortalButton workspaceId={workspace.id} disabled={!canOpenPortal} />
      </Group>
    </Stack>
  );
}
