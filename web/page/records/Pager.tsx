import { Button, Group, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { formatCount, formatCounts } from "../locale";
import { countOf, type Noun } from "./noun";
import type { Page } from "./page";
import type { ViewChange } from "./view";

interface Props {
  noun: Noun;
  list: Page;
  isLoading: boolean;
  onTurn: (page: ViewChange) => void;
}

/** Where the page stands in its list, and the ways to its neighbours. */
export function Pager({ noun, list, isLoading, onTurn }: Props) {
  const { hasPreviousPage, hasNextPage, startCursor, endCursor } = list.pageInfo;
  return (
    <Group component="nav" justify="space-between" aria-label={`Pages of ${noun.other}`}>
      <Text size="sm" c="dimmed">
        {placeOf(list, noun)}
      </Text>
      <Group gap="xs">
        <Turn
          isPossible={hasPreviousPage && !isLoading}
          onTurn={() => onTurn({ before: startCursor })}
        >
          <IconChevronLeft size="1rem" aria-hidden />
          Previous
        </Turn>
        <Turn isPossible={hasNextPage && !isLoading} onTurn={() => onTurn({ after: endCursor })}>
          Next
          <IconChevronRight size="1rem" aria-hidden />
        </Turn>
      </Group>
    </Group>
  );
}

interface TurnProps {
  isPossible: boolean;
  onTurn: () => void;
  children: ReactNode;
}

/** A button that keeps the focus where there is nowhere to go. */
function Turn({ isPossible, onTurn, children }: TurnProps) {
  return (
    <Button
      variant="default"
      size="sm"
      aria-disabled={!isPossible}
      {...(!isPossible && { "data-disabled": true })}
      onClick={() => isPossible && onTurn()}
    >
      {children}
    </Button>
  );
}

/** `1–20 of 134 conversations`; only how many of them, where cursors do not tell the place. */
function placeOf({ totalCount, nodes, pageInfo }: Page, noun: Noun): ReactNode {
  const total = countOf(totalCount, noun);
  if (nodes.length >= totalCount) return total;
  return (
    <>
      <bdi>{rowsOf({ totalCount, nodes, pageInfo })}</bdi> of <bdi>{total}</bdi>
    </>
  );
}

function rowsOf({ totalCount, nodes, pageInfo }: Page): string {
  if (!pageInfo.hasPreviousPage) return formatCounts(1, nodes.length);
  if (!pageInfo.hasNextPage) return formatCounts(totalCount - nodes.length + 1, totalCount);
  return formatCount(nodes.length);
}
