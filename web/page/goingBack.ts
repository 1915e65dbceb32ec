import { useEffect, useEffectEvent } from "react";

/**
 * Let going back close what is open over the page, and undo nothing behind it. A browser that does
 * not let a page keep its place, or not a second time without a touch of it, closes it and goes.
 */
export function useClosedByGoingBack(isOpen: boolean, onClose: () => void): void {
  const close = useEffectEvent(onClose);
  useEffect(() => {
    if (!isOpen) return;
    const ending = new AbortController();
    const { signal } = ending;
    const stay = (event: NavigateEvent) => {
      if (event.navigationType !== "traverse" || !event.cancelable) return;
      event.preventDefault();
      close();
    };
    const { navigation } = window as { navigation?: Navigation };
    navigation?.addEventListener("navigate", stay, { signal });
    addEventListener("popstate", () => close(), { signal });
    return () => ending.abort();
  }, [isOpen]);
}
