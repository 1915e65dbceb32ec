import { useMediaQuery } from "@mantine/hooks";
import { useState } from "react";
import { Dialog } from "../Dialog";
import { PlanChoice } from "./PlanChoice";

interface Props {
  workspaceId: string;
  opened: boolean;
  onClose: () => void;
}

/** Where the owner compares plans and switches between them. */
export function PlanDialog({ workspaceId, ...dialog }: Props) {
  const isPhone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const [isBusy, setBusy] = useState(false);
  return (
    <Dialog title="Plans" size="auto" fullScreen={isPhone} isBusy={isBusy} {...dialog}>
      <PlanChoice workspaceId={workspaceId} onBusy={setBusy} onDone={dialog.onClose} />
    </Dialog>
  );
}
