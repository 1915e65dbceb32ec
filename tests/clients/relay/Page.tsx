// The page "Subscription and Credits": one query, and each part asks for what it shows.
import { graphql, useLazyLoadQuery } from "react-relay";
import { AdjustmentsTab } from "./AdjustmentsTab";
import { BalanceHeader } from "./BalanceHeader";
import { ConversationsTab } from "./ConversationsTab";
import { ImportsTab } from "./ImportsTab";
import { LotsSheet } from "./LotsSheet";
import { McpHttpCallsTab } from "./McpHttpCallsTab";
import { PlanDialog } from "./PlanDialog";
import { WorkspaceSwitcher } from "./WorkspaceSwitcher";
import type { PageQuery } from "./__generated__/PageQuery.graphql";

export function Page({ workspaceId }: { workspaceId: string }) {
  const { viewer, workspace } = useLazyLoadQuery<PageQuery>(
    graphql`
      query PageQuery($workspaceId: ID!) {
        viewer {
          ...WorkspaceSwitcher_viewer
        }
        workspace(id: $workspaceId) {
          name
          viewerRole
          ...BalanceHeader_workspace
          ...LotsSheet_workspace
          ...PlanDialog_workspace
          ...ConversationsTab_workspace
          ...McpHttpCallsTab_workspace
          ...ImportsTab_workspace
          ...AdjustmentsTab_workspace
        }
      }
    `,
    { workspaceId },
  );
  if (!workspace) {
    return <p>There is no such workspace, or you are no member of it.</p>;
  }
  return (
    <main>
      <h1>{workspace.name}</h1>
      {viewer && <WorkspaceSwitcher viewer={viewer} />}
      <BalanceHeader workspace={workspace} />
      <LotsSheet workspace={workspace} />
      <PlanDialog workspace={workspace} />
      <ConversationsTab workspace={workspace} />
      <McpHttpCallsTab workspace={workspace} />
      <ImportsTab workspace={workspace} />
      <AdjustmentsTab workspace={workspace} />
    </main>
  );
}
