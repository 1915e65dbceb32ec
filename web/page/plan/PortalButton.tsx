import { Button, Stack } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { addressOf } from "../checkout/addresses";
import { useLeaving } from "../checkout/leave";
import { graphql } from "../gql";
import { RefusalNotice } from "../requests/RefusalNotice";
import { useRequest } from "../requests/useRequest";

const OPEN_PORTAL = graphql(`
  mutation OpenPortal($input: CreateCustomerPortalSessionInput!) {
    createCustomerPortalSession(input: $input) {
      url
      userErrors { code message }
    }
  }
`);

interface Props {
  workspaceId: string;
  disabled: boolean;
}

/** Goes to the customer portal, where cards, invoices and the cancellation are. */
export function PortalButton({ workspaceId, disabled }: Props) {
  const { ask, isBusy, refusal } = useRequest(
    OPEN_PORTAL,
    ({ createCustomerPortalSession }) => createCustomerPortalSession,
  );
  const { isLeaving, obstacle, leaveFor } = useLeaving();
  const open = async () => {
    const { done } = await ask(() => ({ workspaceId, returnUrl: addressOf(workspaceId) }));
    if (done) leaveFor(done.url);
  };
  return (
    <Stack gap="xs" align="flex-start">
      <Button
        variant="default"
        disabled={disabled}
        loading={isBusy || isLeaving}
        rightSection={<IconExternalLink size="1rem" aria-hidden />}
        onClick={open}
      >
        Customer portal
      </Button>
      <RefusalNotice refusal={refusal ?? obstacle} onRetry={open} />
    </Stack>
  );
}
