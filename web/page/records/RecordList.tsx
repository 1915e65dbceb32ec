import { Button, Stack } from "@mantine/core";
import { IconFilterOff } from "@tabler/icons-react";
import { type ReactNode, useRef } from "react";
import type { CombinedError } from "urql";
import { EmptyState } from "../states/EmptyState";
import { FailureNotice } from "../states/FailureNotice";
import { LoadingState } from "../states/LoadingState";
import type { Noun } from "./noun";
import { Pager } from "./Pager";
import type { Page } from "./page";
import classes from "./RecordList.module.css";
import { SummaryBar, type Total } from "./SummaryBar";
import { useRecordView, type ViewChange } from "./view";

interface Props {
  noun: Noun;
  /** What there is when nothing was used yet. */
  emptyText: string;
  list: Page | undefined;
  error: CombinedError | undefined;
  isLoading: boolean;
  onRetry: () => void;
  isFiltered: boolean;
  /** The totals of what the filters let through, without the number of rows. */
  totals: Total[];
  toolbar: ReactNode;
  /** The table of the page. */
  children: ReactNode;
}

/** A list with its toolbar, its totals and its pages; or why there is none. */
export function RecordList(props: Props) {
  const { noun, list, error, isLoading, onRetry, isFiltered, totals, toolbar } = props;
  const { clear, turn } = useRecordView();
  const top = useRef<HTMLDivElement>(null);
  const isFailed = error !== undefined && !isLoading;
  // That there was nothing with other filters says nothing of these.
  const isUnknown = isLoading && list?.nodes.length === 0;
  // The button that does it is gone then, and takes the focus with it.
  const clearFilters = () => {
    clear();
    top.current?.focus();
  };
  const turnTo = (page: ViewChange) => {
    turn(page);
    top.current?.scrollIntoView();
  };
  return (
    <Stack gap="md" pt="md" ref={top} tabIndex={-1} className={classes.list}>
      <div className={classes.toolbar}>{toolbar}</div>
      <SummaryBar
        noun={noun}
        count={list?.totalCount}
        totals={totals}
        isShown={isFiltered}
        isLoading={isLoading}
        onClear={clearFilters}
      />
      {isFailed && <FailureNotice error={error} onRetry={onRetry} />}
      {list === undefined || isUnknown ? (
        !isFailed && <LoadingState label={`Loading ${noun.other}`} lines={8} />
      ) : list.nodes.length === 0 ? (
        <Nothing {...props} onClear={clearFilters} onTurn={turnTo} />
      ) : (
        <>
          {props.children}
          <Pager noun={noun} list={list} isLoading={isLoading} onTurn={turnTo} />
        </>
      )}
    </Stack>
  );
}

interface NothingProps extends Pick<Props, "noun" | "emptyText" | "isFiltered"> {
  onClear: () => void;
  onTurn: (page: ViewChange) => void;
}

function Nothing({ noun, emptyText, isFiltered, onClear, onTurn }: NothingProps) {
  const { view } = useRecordView();
  if (view.after ?? view.before) {
    return (
      <EmptyState title={`There are no more ${noun.other}`}>
        <Button variant="default" size="xs" onClick={() => onTurn({})}>
          Show the first page
        </Button>
      </EmptyState>
    );
  }
  if (isFiltered) {
    return (
      <EmptyState title={`No ${noun.other} match`} icon={<IconFilterOff />}>
        <Button variant="default" size="xs" onClick={onClear}>
          Clear filters
        </Button>
      </EmptyState>
    );
  }
  return <EmptyState title={`No ${noun.other} yet`}>{emptyText}</EmptyState>;
}
