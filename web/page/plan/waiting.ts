import { useSessionStorage } from "@mantine/hooks";
import { useEffect, useState } from "react";
import type { Held } from "./held";

/** A payment for another plan that is made as soon as the person confirms it at their bank. */
export interface WaitingPayment {
  planId: string;
  billingCycle: Held["billingCycle"];
  /** What the plan and its cycle are called. */
  name: string;
  url: string;
  expiresAt: string;
}

type Plan = Pick<Held, "billingCycle"> & { plan: { id: string } };

/**
 * The payment of a workspace that waits for the bank, and how to remember one. It can be made
 * until it expires, whatever else is chosen: this browser tab knows of it until then.
 */
export function useWaitingPayment(workspaceId: string, { plan, billingCycle }: Plan) {
  const [payment, remember] = useSessionStorage<WaitingPayment | null>({
    key: `billing-gateway:waiting-payment:${workspaceId}`,
    defaultValue: null,
    getInitialValueInEffect: false,
  });
  const isPast = useIsPast(payment?.expiresAt);
  const isMade = payment?.planId === plan.id && payment.billingCycle === billingCycle;
  const isOver = isPast || isMade;
  useEffect(() => {
    if (isOver) remember(null);
  }, [isOver, remember]);
  return [isOver ? null : payment, remember] as const;
}

/** Tell whether a moment is past, also when it passes while one looks; none never is. */
export function useIsPast(moment: string | undefined): boolean {
  const [past, setPast] = useState<string>();
  useEffect(() => {
    if (moment === undefined) return;
    const timer = setTimeout(() => setPast(moment), Date.parse(moment) - Date.now());
    return () => clearTimeout(timer);
  }, [moment]);
  return moment !== undefined && past === moment;
}
