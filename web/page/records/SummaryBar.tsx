import { Button, Group, Paper, Text, VisuallyHidden } from "@mantine/core";
import { formatCount } from "../locale";
import { capitalized, countOf, type Noun } from "./noun";
import classes from "./SummaryBar.module.css";

export interface Total {
  label: string;
  /** As it is shown. */
  value: string;
}

interface Props {
  noun: Noun;
  /** How many rows the filters let through; undefined while nobody knows. */
  count: number | undefined;
  totals: Total[];
  /** Whether filters are active. */
  isShown: boolean;
  /** Whether these are still the totals of other filters. */
  isLoading: boolean;
  onClear: () => void;
}

/** The totals of what the filters let through, once known; each change of the count is read out. */
export function SummaryBar({ noun, count, totals, isShown, isLoading, onClear }: Props) {
  const clear = (
    <Button variant="subtle" size="xs" onClick={onClear}>
      Clear filters
    </Button>
  );
  return (
    <>
      <VisuallyHidden role="status">
        {count !== undefined && !isLoading && countOf(count, noun)}
      </VisuallyHidden>
      {isShown && count === undefined && <Group>{clear}</Group>}
      {isShown && count !== undefined && (
        <Paper withBorder p="sm" className={classes.bar}>
          <Group
            component="dl"
            className={classes.totals}
            gap="xl"
            data-loading={isLoading || undefined}
            aria-busy={isLoading}
          >
            {[...totals, { label: capitalized(noun.other), value: formatCount(count) }].map(
              ({ label, value }) => (
                <div key={label}>
                  <Text component="dt" size="xs" c="dimmed">
                    {label}
                  </Text>
                  <Text component="dd" className={classes.value}>
                    {value}
                  </Text>
                </div>
              ),
            )}
          </Group>
          {clear}
        </Paper>
      )}
    </>
  );
}
