import { Button, Group, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { formatCount } from "../locale";
import { countOf, type Noun } from "./noun";
import type { Page } from "./page";
import { useRecordView, type ViewChange } from "./view";

interface Props {
  noun: Noun;
  list: Page;
  isLoading: boolean;
}

/** Where the page stands in its list, and the ways to its neighbours. */
export function Pager({ noun, list, isLoading }: Props) {
  const { hasPreviousPage, hasNextPage, startCursor, endCursor } = list.pageInfo;
  return (
    <Group component="nav" justify="space-between" aria-label={`Pages of ${noun.other}`}>
      <Text size="sm" c="dimmed">
        {placeOf(list, noun)}
      </Text>
      <Group gap="xs">
        <Turn to={{ before: startCursor }} isPossible={hasPreviousPage && !isLoading}>
          <IconChevronLeft size="1rem" aria-hidden />
          Previous
        </Turn>
        <Turn to={{ after: endCursor }} isPossible={hasNextPage && !isLoading}>
          Next
          <IconChevronRight size="1rem" aria-hidden />
        </Turn>
      </Group>
    </Group>
  );
}

interface TurnProps {
  to: ViewChange;
  isPossible: boolean;
  children: ReactNode;
}

/** A button that keeps the focus where there is nowhere to go. */
function Turn({ to, isPossible, children }: TurnProps) {
  const { turn } = useRecordView();
  return (
    <Button
      variant="default"
      size="sm"
      aria-disabled={!isPossible}
      {...(!isPossible && { "data-disabled": true })}
      onClick={() => isPossible && turn(to)}
    >
      {children}
    </Button>
  );
}

/** `1–20 of 134 conversations`; only how many of them, where cursors do not tell the place. */
function placeOf({ totalCount, nodes, pageInfo }: Page, noun: Noun): string {
  const total = countOf(totalCount, noun);
  if (nodes.length >= totalCount) return total;
  if (!pageInfo.hasPreviousPage) return `1–${formatCount(nodes.length)} of ${total}`;
  if (!pageInfo.hasNextPage) {
    return `${formatCount(totalCount - nodes.length + 1)}–${formatCount(totalCount)} of ${total}`;
  }
  return `${formatCount(nodes.length)} of ${total}`;
}
