import { useDocumentTitle, useWindowEvent } from "@mantine/hooks";
import { useState } from "react";
import { useClient, useQuery } from "urql";
import { useUsageRange, useWorkspaceId } from "./address";
import { askAgain } from "./client/again";
import { failureOf, isOfNoSuchId } from "./client/failure";
import { useLatest } from "./client/latest";
import { seriesOf } from "./credits/usageRange";
import { graphql } from "./gql";
import { Header } from "./Header";
import { isDemo } from "./session/people";
import { useSession } from "./session/Session";
import { SignedOut } from "./session/SignedOut";
import { SignInMenu } from "./session/SignInMenu";
import { FailureNotice } from "./states/FailureNotice";
import { OfflineNotice } from "./states/OfflineNotice";
import { NoWorkspace } from "./workspace/NoWorkspace";
import { Overview } from "./workspace/Overview";
import { OverviewSkeleton } from "./workspace/OverviewSkeleton";
import { WorkspaceSwitcher } from "./workspace/WorkspaceSwitcher";

const PAGE = graphql(`
  query Page(
    $workspace: ID!
    $isSelected: Boolean!
    $usage: DateQuickPick!
    $granularity: SeriesGranularity!
  ) {
    viewer {
      id
      name
      ...Memberships
    }
    workspace(id: $workspace) @include(if: $isSelected) {
      id
      name
      ...SelectedWorkspace
      ...Overview
    }
  }
`);

export function App() {
  const { token, isOver } = useSession();
  if (token && !isOver) return <Page />;
  return (
    <main className="page">
      <Header />
      <SignedOut />
    </main>
  );
}

function Page() {
  const client = useClient();
  const [workspaceId] = useWorkspaceId();
  const loadedRange = useLoadedRange(workspaceId);
  const [{ data: answered, error: problem, fetching }, ask] = useQuery({
    query: PAGE,
    variables: {
      workspace: workspaceId ?? "",
      isSelected: workspaceId !== null,
      ...seriesOf(loadedRange),
    },
    requestPolicy: "cache-and-network",
  });
  const data = useLatest(answered);
  const retry = () => ask({ requestPolicy: "network-only" });
  useWindowEvent("online", () => askAgain(client));

  // Until the answer for a workspace is there, the one for the workspace before it still is.
  const workspace = data?.workspace?.id === workspaceId ? data?.workspace : null;
  const viewer = data?.viewer;
  const error = problem && !isOfNoSuchId(problem) ? problem : null;
  const isSaidAlready = error && workspace && failureOf(error) === "offline";
  useDocumentTitle(
    workspace ? `${workspace.name} – Subscription and Credits` : "Subscription and Credits",
  );
  return (
    <main className="page">
      <div>
        <Header>
          {viewer && <WorkspaceSwitcher user={viewer} selected={workspace ?? null} />}
          {viewer && isDemo && <SignInMenu name={viewer.name} />}
        </Header>
        {workspace && <OfflineNotice />}
      </div>
      {error && !isSaidAlready && <FailureNotice error={error} onRetry={retry} />}
      {workspace && <Overview key={workspace.id} workspace={workspace} loadedRange={loadedRange} />}
      {!workspace && fetching && <OverviewSkeleton />}
      {!workspace && !fetching && !error && (
        <NoWorkspace user={viewer ?? null} isSelected={workspaceId !== null} />
      )}
    </main>
  );
}

/** Return what time of the usage comes with a workspace: the one that its address named first. */
function useLoadedRange(workspaceId: string | null) {
  const [range] = useUsageRange();
  const [loaded, setLoaded] = useState({ workspaceId, range });
  if (loaded.workspaceId === workspaceId) return loaded.range;
  setLoaded({ workspaceId, range });
  return range;
}
