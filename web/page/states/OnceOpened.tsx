import { useFocusReturn } from "@mantine/hooks";
import { type ReactNode, Suspense, useState } from "react";

interface Props {
  isOpened: boolean;
  children: ReactNode;
}

/** Loads a dialog when it is opened first, and lets it be from then on: it closes by itself. */
export function OnceOpened({ isOpened, children }: Props) {
  const [wasOpened, setWasOpened] = useState(false);
  if (isOpened && !wasOpened) setWasOpened(true);
  // The dialog comes too late to know where the focus was when it was opened first.
  useFocusReturn({ opened: isOpened });
  return wasOpened && <Suspense fallback={null}>{children}</Suspense>;
}
