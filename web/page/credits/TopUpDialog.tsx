import { useState } from "react";
import { Dialog } from "../Dialog";
import { TopUp } from "./TopUp";

interface Props {
  workspaceId: string;
  opened: boolean;
  onClose: () => void;
}

/** Where the owner buys credits. */
export function TopUpDialog({ workspaceId, ...dialog }: Props) {
  const [isBusy, setBusy] = useState(false);
  return (
    <Dialog title="Buy credits" isBusy={isBusy} {...dialog}>
      <TopUp workspaceId={workspaceId} onBusy={setBusy} />
    </Dialog>
  );
}
