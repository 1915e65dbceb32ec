import { Modal } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useState } from "react";
import { PlanChoice } from "./PlanChoice";

interface Props {
  workspaceId: string;
  opened: boolean;
  onClose: () => void;
}

/** Where the owner compares plans and switches between them; not left while one is asked for. */
export function PlanDialog({ workspaceId, opened, onClose }: Props) {
  const isPhone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const [isBusy, setBusy] = useState(false);
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Plans"
      size="72rem"
      fullScreen={isPhone}
      closeOnClickOutside={!isBusy}
      closeOnEscape={!isBusy}
      closeButtonProps={{ "aria-label": "Close", disabled: isBusy }}
    >
      <PlanChoice workspaceId={workspaceId} onBusy={setBusy} onDone={onClose} />
    </Modal>
  );
}
