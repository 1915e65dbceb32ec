import { Modal } from "@mantine/core";
import { useState } from "react";
import { TopUp } from "./TopUp";

interface Props {
  workspaceId: string;
  opened: boolean;
  onClose: () => void;
}

/** Where the owner buys credits; not left while a checkout page is being opened. */
export function TopUpDialog({ workspaceId, opened, onClose }: Props) {
  const [isBusy, setBusy] = useState(false);
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Buy credits"
      closeOnClickOutside={!isBusy}
      closeOnEscape={!isBusy}
      closeButtonProps={{ "aria-label": "Close", disabled: isBusy }}
    >
      <TopUp workspaceId={workspaceId} onBusy={setBusy} />
    </Modal>
  );
}
