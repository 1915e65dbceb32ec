import { Button } from "@mantine/core";
import { useState } from "react";
import { useQuery } from "urql";
import { type FragmentType, graphql, read } from "../gql";
import type { KeyFilterFragment } from "../gql/graphql";
import { formatDate } from "../locale";
import { type Choice, ChoiceFilter } from "./ChoiceFilter";

const KEY_FILTER = graphql(`
  fragment KeyFilter on Workspace {
    id
    apiKeys(first: 50) {
      nodes { id name revokedAt }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

const MORE_KEYS = graphql(`
  query MoreKeys($workspaceId: ID!, $after: String!) {
    workspace(id: $workspaceId) {
      id
      apiKeys(first: 100, after: $after) {
        nodes { id name revokedAt }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

const KEYS = { one: "API key", other: "API keys" };

type Key = KeyFilterFragment["apiKeys"]["nodes"][number];

interface Props {
  /** Undefined until it is there. */
  workspace: FragmentType<typeof KEY_FILTER> | undefined;
  chosen: string[];
  onChange: (keys: string[]) => void;
}

/** Lets through calls with some API keys: the oldest to choose from, and the others on demand. */
export function KeyFilter({ workspace, chosen, onChange }: Props) {
  const seen = read(KEY_FILTER, workspace);
  const [after, setAfter] = useState<string | null>(null);
  const [earlier, setEarlier] = useState<Key[]>([]);
  const [{ data, error, fetching }, ask] = useQuery({
    query: MORE_KEYS,
    variables: { workspaceId: seen?.id ?? "", after: after ?? "" },
    pause: after === null || seen === undefined,
  });
  // While the next ones are on their way, these are still the last ones, which are shown already.
  const last = fetching ? undefined : data?.workspace?.apiKeys;
  const later = last ? [...earlier, ...last.nodes] : earlier;
  const pageInfo = (last ?? seen?.apiKeys)?.pageInfo;
  const showMore = () => {
    if (error) return ask({ requestPolicy: "network-only" });
    setEarlier(later);
    setAfter(pageInfo?.endCursor ?? null);
  };
  return (
    <ChoiceFilter
      noun={KEYS}
      choices={[...(seen?.apiKeys.nodes ?? []), ...later].map(choiceOf)}
      chosen={chosen}
      onChange={onChange}
    >
      {(pageInfo?.hasNextPage || fetching) && (
        <Button variant="default" size="xs" mt="sm" fullWidth loading={fetching} onClick={showMore}>
          {error ? "This failed: try again" : "Show more API keys"}
        </Button>
      )}
    </ChoiceFilter>
  );
}

function choiceOf({ id, name, revokedAt }: Key): Choice {
  return {
    value: id,
    label: name,
    note: revokedAt ? `Revoked on ${formatDate(revokedAt)}` : undefined,
  };
}
