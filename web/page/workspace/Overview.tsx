import { CreditsCard } from "../credits/CreditsCard";
import { Purchase } from "../credits/Purchase";
import { UsageChart } from "../credits/UsageChart";
import { type FragmentType, graphql, read } from "../gql";
import type { DateQuickPick } from "../gql/graphql";
import { PlanCard } from "../plan/PlanCard";
import { Records } from "../records/Records";
import classes from "./Overview.module.css";

const OVERVIEW = graphql(`
  fragment Overview on Workspace {
    id
    viewerPermissions { canSeeUsers }
    ...PlanCard
    ...CreditsCard
    ...UsageChart
  }
`);

interface Props {
  workspace: FragmentType<typeof OVERVIEW>;
  /** The time of the usage that came with the workspace. */
  loadedRange: DateQuickPick;
}

/** A workspace: its plan, its credits, and what used them. */
export function Overview({ workspace: shown, loadedRange }: Props) {
  const workspace = read(OVERVIEW, shown);
  return (
    <>
      <Purchase workspaceId={workspace.id} />
      <div className={classes.cards}>
        <PlanCard workspace={workspace} />
        <CreditsCard workspace={workspace} />
      </div>
      <UsageChart workspace={workspace} loadedRange={loadedRange} />
      <Records workspaceId={workspace.id} canSeeUsers={workspace.viewerPermissions.canSeeUsers} />
    </>
  );
}
