import { Skeleton, VisuallyHidden } from "@mantine/core";
import classes from "./Overview.module.css";

/** In the place of a workspace that is on its way. */
export function OverviewSkeleton() {
  return (
    <div role="status">
      <VisuallyHidden>Loading the workspace</VisuallyHidden>
      <div className={classes.cards}>
        <Skeleton height="20rem" />
        <Skeleton height="20rem" />
      </div>
      <Skeleton height="22rem" mt="lg" />
    </div>
  );
}
