import { useEffect, useEffectEvent } from "react";

/**
 * Ask now, and again `pauseMilliseconds` after each answer, until the answer is `true`: it was
 * the last one. Nothing is asked while `isOn` is false.
 */
export function usePolling(
  ask: () => Promise<boolean>,
  { isOn, pauseMilliseconds }: { isOn: boolean; pauseMilliseconds: number },
): void {
  const askNow = useEffectEvent(ask);
  useEffect(() => {
    if (!isOn) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const round = async () => {
      const isLast = await askNow();
      if (!isLast && !isOver) timer = setTimeout(round, pauseMilliseconds);
    };
    void round();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [isOn, pauseMilliseconds]);
}
