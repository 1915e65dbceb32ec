/** Whoever has waited for so long is told that no answer came, and may ask again. */
export const PATIENCE_MILLISECONDS = 30_000;

/** Fetch as `fetch` does, but fail when there is no whole answer in time. */
export const fetchInTime: typeof fetch = (input, init) => {
  const ending = new AbortController();
  const end = () => ending.abort(init?.signal?.reason);
  if (init?.signal?.aborted) end();
  init?.signal?.addEventListener("abort", end);
  setTimeout(
    () => ending.abort(new DOMException("No answer", "TimeoutError")),
    PATIENCE_MILLISECONDS,
  );
  return fetch(input, { ...init, signal: ending.signal });
};
