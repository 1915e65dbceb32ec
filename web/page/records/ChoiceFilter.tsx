import { Button, Checkbox, Popover, Stack } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./ChoiceFilter.module.css";
import { capitalized, countOf, type Noun } from "./noun";

export interface Choice {
  value: string;
  label: string;
  /** What is to be said of it, such as that it is revoked. */
  note?: string | undefined;
}

interface Props {
  noun: Noun;
  choices: Choice[];
  chosen: string[];
  onChange: (chosen: string[]) => void;
  /** What follows the choices, such as a way to more of them. */
  children?: ReactNode;
}

/** Lets through rows of any of some types, or of all of them. */
export function ChoiceFilter({ noun, choices, chosen, onChange, children }: Props) {
  return (
    <Popover position="bottom-start" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button
          variant="default"
          data-active={chosen.length > 0 || undefined}
          className={classes.target}
          rightSection={<IconChevronDown size="1rem" aria-hidden />}
        >
          {summaryOf(noun, choices, chosen)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={classes.choices}>
        <Checkbox.Group label={`Show only these ${noun.other}`} value={chosen} onChange={onChange}>
          <Stack gap="xs" mt="xs">
            {choices.map((choice) => (
              <Checkbox
                key={choice.value}
                value={choice.value}
                label={choice.label}
                description={choice.note}
              />
            ))}
          </Stack>
        </Checkbox.Group>
        {children}
        <Button
          variant="subtle"
          size="xs"
          mt="sm"
          fullWidth
          {...(chosen.length === 0 && { "data-disabled": true })}
          aria-disabled={chosen.length === 0}
          onClick={() => chosen.length > 0 && onChange([])}
        >
          All {noun.other}
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}

/** The choices of words that have labels. */
export const choicesOf = (labels: Record<string, string>): Choice[] =>
  Object.entries(labels).map(([value, label]) => ({ value, label }));

function summaryOf(noun: Noun, choices: Choice[], chosen: string[]): string {
  const [first, ...rest] = chosen;
  if (first === undefined) return `All ${noun.other}`;
  if (rest.length > 0) return countOf(chosen.length, noun);
  const label = choices.find(({ value }) => value === first)?.label;
  return label ? `${capitalized(noun.one)}: ${label}` : countOf(1, noun);
}
