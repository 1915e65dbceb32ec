import { Skeleton, Stack, VisuallyHidden } from "@mantine/core";

interface Props {
  /** What is being loaded, for those who do not see the grey lines. */
  label?: string;
  lines?: number;
}

/** Grey lines in the place of what is on its way. */
export function LoadingState({ label = "Loading", lines = 3 }: Props) {
  return (
    <Stack gap="sm" role="status">
      <VisuallyHidden>{label}</VisuallyHidden>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <Skeleton key={line} height="1.25rem" width={line === lines - 1 ? "60%" : "100%"} />
      ))}
    </Stack>
  );
}
