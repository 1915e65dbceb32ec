import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { lazy } from "react";
import { OnceOpened } from "../states/OnceOpened";

const UndoDialog = lazy(() =>
  import("./UndoDialog").then(({ UndoDialog }) => ({ default: UndoDialog })),
);

interface Props {
  workspaceId: string;
  disabled: boolean;
}

/** Undoes the plan change that is to come, once it is confirmed. */
export function UndoButton({ workspaceId, disabled }: Props) {
  const [isOpened, { open, close }] = useDisclosure();
  return (
    <>
      <Button variant="default" size="xs" disabled={disabled} onClick={open}>
        Undo
      </Button>
      <OnceOpened isOpened={isOpened}>
        <UndoDialog workspaceId={workspaceId} opened={isOpened} onClose={close} />
      </OnceOpened>
    </>
  );
}
