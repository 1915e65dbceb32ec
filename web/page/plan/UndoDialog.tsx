import { Button, Group, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Dialog } from "../Dialog";
import { graphql } from "../gql";
import { RefusalNotice } from "../requests/RefusalNotice";
import { useRequest } from "../requests/useRequest";

const UNDO = graphql(`
  mutation UndoPlanChange($input: CancelPendingPlanChangeInput!) {
    cancelPendingPlanChange(input: $input) {
      workspace { id name subscription { plan { id name } pendingChange { effectiveAt } } }
      userErrors { code message }
    }
  }
`);

interface Props {
  workspaceId: string;
  opened: boolean;
  onClose: () => void;
}

/** Asks to confirm that the plan change to come is undone, and tells that it is. */
export function UndoDialog({ workspaceId, opened, onClose }: Props) {
  const { ask, isBusy, refusal, forgive } = useRequest(
    UNDO,
    ({ cancelPendingPlanChange }) => cancelPendingPlanChange,
  );
  const leave = () => {
    forgive();
    onClose();
  };
  const undo = async () => {
    const { done } = await ask((idempotencyKey) => ({ workspaceId, idempotencyKey }));
    if (!done) return;
    leave();
    const plan = done.workspace?.subscription.plan.name ?? "your plan";
    const where = done.workspace?.name ?? "your workspace";
    notifications.show({
      color: "teal",
      title: `You stay on ${plan}`,
      message: `The change that was to come in ${where} is undone.`,
    });
  };
  return (
    <Dialog title="Undo the plan change" opened={opened} isBusy={isBusy} onClose={leave}>
      <Stack gap="md">
        <Text size="sm">You keep your current plan, and it renews as before.</Text>
        <RefusalNotice refusal={refusal} onRetry={undo} />
        <Group>
          <Button loading={isBusy} onClick={undo}>
            Undo the change
          </Button>
          <Button variant="default" disabled={isBusy} onClick={leave}>
            Leave it as it is
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
