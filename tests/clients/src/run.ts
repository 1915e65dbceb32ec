// Walks the conversations of a workspace, two a page, with the client that is named:
//     node build/run.js CLIENT URL TOKEN WORKSPACE_ID
// prints what the client's cache holds in the end, and the code of what is refused.
import { CombinedGraphQLErrors } from "@apollo/client";
import { createOperationDescriptor, fetchQuery, getSingularSelector } from "relay-runtime";
import {
  ConversationsTabDocument,
  type ConversationsTabQuery,
  type ConversationsTabQueryVariables,
} from "../generated/client/graphql";
import conversationsPage, {
  type ConversationsTabPaginationQuery,
} from "../relay/__generated__/ConversationsTabPaginationQuery.graphql";
import conversationsFragment, {
  type ConversationsTab_workspace$data,
} from "../relay/__generated__/ConversationsTab_workspace.graphql";
import * as apollo from "./apollo";
import * as mobile from "./mobile";
import * as relay from "./relay";
import * as urql from "./urql";

type Report = {
  requests: number;
  titles: string[];
  total: number;
  refusal: unknown;
};

const [client = "", url = "", token = "", workspaceId = ""] = process.argv.slice(2);
const pageSize = 2;
const otherFilter = { billingTypes: ["MESSAGE" as const] };

async function walkWithApollo(): Promise<Report> {
  const connected = apollo.connect(url, () => token);
  const options = {
    query: ConversationsTabDocument,
    variables: { workspaceId, first: pageSize },
  };
  const cached = () => connected.readQuery(options)?.workspace?.conversationUsage;
  await connected.query(options);
  const watched = connected.watchQuery(options);
  const watching = watched.subscribe(() => {});
  let list = cached();
  let requests = 1;
  while (list?.pageInfo.hasNextPage) {
    await watched.fetchMore({ variables: { after: list.pageInfo.endCursor } });
    list = cached();
    requests += 1;
  }
  watching.unsubscribe();
  const { error } = await connected.query({
    query: ConversationsTabDocument,
    variables: { workspaceId, after: list?.pageInfo.endCursor, filterBy: otherFilter },
    errorPolicy: "all",
  });
  return report(requests, list, CombinedGraphQLErrors.is(error) && error.errors[0]?.extensions);
}

async function walkWithUrql(): Promise<Report> {
  const connected = urql.connect(url, () => token);
  const page = async (more: Partial<ConversationsTabQueryVariables>) =>
    await connected.query(ConversationsTabDocument, { workspaceId, first: pageSize, ...more });
  let list = (await page({})).data?.workspace?.conversationUsage;
  let requests = 1;
  while (list?.pageInfo.hasNextPage) {
    list = (await page({ after: list.pageInfo.endCursor })).data?.workspace?.conversationUsage;
    requests += 1;
  }
  const { error } = await page({ after: list?.pageInfo.endCursor, filterBy: otherFilter });
  return report(requests, list, error?.graphQLErrors[0]?.extensions);
}

async function walkWithRelay(): Promise<Report> {
  const problems: relay.Problem[] = [];
  const environment = relay.connect(url, () => token, (problem) => problems.push(problem));
  const firstPage = { id: workspaceId, first: pageSize };
  const operation = createOperationDescriptor(conversationsPage, firstPage);
  environment.retain(operation);
  const load = async (more: object) =>
    await fetchQuery<ConversationsTabPaginationQuery>(environment, conversationsPage, {
      ...firstPage,
      ...more,
    }).toPromise();
  // The fragment reads the whole connection, whatever page was fetched last.
  const read = () => {
    const { node } = environment.lookup(operation.fragment).data as Record<string, unknown>;
    const selector = getSingularSelector(conversationsFragment, node);
    const { data } = environment.lookup(selector!);
    const list = (data as unknown as ConversationsTab_workspace$data).conversationUsage;
    return list as unknown as List;
  };

  await load({});
  let list = read();
  let requests = 1;
  while (list.pageInfo.hasNextPage) {
    await load({ after: list.pageInfo.endCursor });
    list = read();
    requests += 1;
  }
  await load({ after: list.pageInfo.endCursor, filterBy: otherFilter });
  return report(requests, list, problems[0]?.extensions);
}

async function walkWithPinnedOperations(): Promise<Report> {
  const page = async (more: object) =>
    await mobile.ask<ConversationsTabQuery>(url, token, "ConversationsTab", {
      workspaceId,
      first: pageSize,
      ...more,
    });
  let list = (await page({})).data?.workspace?.conversationUsage;
  const edges = [...(list?.edges ?? [])];
  let requests = 1;
  while (list?.pageInfo.hasNextPage) {
    list = (await page({ after: list.pageInfo.endCursor })).data?.workspace?.conversationUsage;
    edges.push(...(list?.edges ?? []));
    requests += 1;
  }
  const { errors } = await page({ after: list?.pageInfo.endCursor, filterBy: otherFilter });
  return report(requests, list && { ...list, edges }, errors?.[0]?.extensions);
}

type List = Pick<
  NonNullable<ConversationsTabQuery["workspace"]>["conversationUsage"],
  "edges" | "pageInfo" | "totalCount"
>;

function report(requests: number, list: List | null | undefined, extensions: unknown): Report {
  if (!list) {
    throw new Error("The workspace was not found.");
  }
  const titles = list.edges.map(({ node }) => node.title);
  return { requests, titles, total: list.totalCount, refusal: extensions };
}

const walks: Record<string, () => Promise<Report>> = {
  apollo: walkWithApollo,
  mobile: walkWithPinnedOperations,
  relay: walkWithRelay,
  urql: walkWithUrql,
};
console.log(JSON.stringify(await walks[client]!()));
