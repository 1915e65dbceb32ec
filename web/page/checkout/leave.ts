import { useWindowEvent } from "@mantine/hooks";
import { useState } from "react";
import { trusted } from "./addresses";

/**
 * Go to a page that is not ours, such as a checkout. While the browser is on its way there, and
 * until the person comes back by the back button, everything stays busy.
 */
export function useLeaving(): [isLeaving: boolean, leaveFor: (address: string) => void] {
  const [isLeaving, setLeaving] = useState(false);
  useWindowEvent("pageshow", () => setLeaving(false));
  const leaveFor = (address: string) => {
    setLeaving(true);
    location.assign(trusted(address));
  };
  return [isLeaving, leaveFor];
}
