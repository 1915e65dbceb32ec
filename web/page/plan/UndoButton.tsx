import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { graphql } from "../gql";
import { RefusalNotice } from "../requests/RefusalNotice";
import { useRequest } from "../requests/useRequest";

const UNDO = graphql(`
  mutation UndoPlanChange($input: CancelPendingPlanChangeInput!) {
    cancelPendingPlanChange(input: $input) {
      workspace { id subscription { plan { id name } pendingChange { effectiveAt } } }
      userErrors { code message }
    }
  }
`);

interface Props {
  workspaceId: string;
  disabled: boolean;
}

/** Undoes the plan change that is to come, once it is confirmed. */
export function UndoButton({ workspaceId, disabled }: Props) {
  const [opened, { open, close }] = useDisclosure(false);
  const { ask, isBusy, refusal, forgive } = useRequest(
    UNDO,
    ({ cancelPendingPlanChange }) => cancelPendingPlanChange,
  );
  const undo = async () => {
    const { done } = await ask((idempotencyKey) => ({ workspaceId, idempotencyKey }));
    if (!done) return;
    close();
    const name = done.workspace?.subscription.plan.name ?? "your plan";
    notifications.show({ color: "teal", title: `You stay on ${name}`, message: UNDONE });
  };
  const leave = () => {
    if (isBusy) return;
    forgive();
    close();
  };
  return (
    <>
      <Button variant="default" size="xs" disabled={disabled} onClick={open}>
        Undo
      </Button>
      <Modal
        opened={opened}
        onClose={leave}
        title="Undo the plan change"
        closeButtonProps={{ "aria-label": "Close", disabled: isBusy }}
      >
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
      </Modal>
    </>
  );
}

const UNDONE = "The change that was to come is undone.";
