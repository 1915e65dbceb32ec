import { Button, Stack } from "@mantine/core";
import { IconFilterOff } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { CombinedError } from "urql";
import { EmptyState } from "../states/EmptyState";
import { FailureNotice } from "../states/FailureNotice";
import { LoadingState } from "../states/LoadingState";
import type { Noun } from "./noun";
import { Pager } from "./Pager";
import type { Page } from "./page";
import classes from "./RecordList.module.css";
import { SummaryBar, type Total } from "./SummaryBar";
import { useRecordView } from "./view";

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
  return (
    <Stack gap="md" pt="md">
      <div className={classes.toolbar}>{toolbar}</div>
      <SummaryBar noun={noun} count={list?.totalCount} totals={totals} isShown={isFiltered} />
      {error && !isLoading ? (
        <FailureNotice error={error} onRetry={onRetry} />
      ) : list === undefined ? (
        <LoadingState label={`Loading ${noun.other}`} lines={8} />
      ) : list.nodes.length === 0 ? (
        <Nothing {...props} />
      ) : (
        <>
          {props.children}
          <Pager noun={noun} list={list} isLoading={isLoading} />
        </>
      )}
    </Stack>
  );
}

function Nothing({ noun, emptyText, isFiltered }: Props) {
  const { view, clear, turn } = useRecordView();
  if (view.after ?? view.before) {
    return (
      <EmptyState title={`There are no more ${noun.other}`}>
        <Button variant="default" size="xs" onClick={() => turn({})}>
          Show the first page
        </Button>
      </EmptyState>
    );
  }
  if (isFiltered) {
    return (
      <EmptyState title={`No ${noun.other} match`} icon={<IconFilterOff />}>
        <Button variant="default" size="xs" onClick={clear}>
          Clear filters
        </Button>
      </EmptyState>
    );
  }
  return <EmptyState title={`No ${noun.other} yet`}>{emptyText}</EmptyState>;
}
