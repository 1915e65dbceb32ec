import { CloseButton, TextInput } from "@mantine/core";
import { useDebouncedCallback, useWindowEvent } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useEffectEvent, useRef, useState } from "react";
import classes from "./SearchField.module.css";
import { SEARCH_LENGTH_MAX } from "./variables";
import type { Step } from "./view";

const DELAY_MILLISECONDS = 300;

interface Props {
  label: string;
  value: string;
  /** Whether anything is filtered, by this search or otherwise. */
  isFiltered: boolean;
  onChange: (sought: string, step: Step) => void;
}

/**
 * A search as one types: after a short pause, or at once by Enter. What one types in one go is one
 * step of the history.
 */
export function SearchField({ label, value, isFiltered, onChange }: Props) {
  const [typed, setTyped] = useState(value);
  const [followed, setFollowed] = useState(value);
  const hasStep = useRef(false);
  if (value !== followed) {
    setFollowed(value); // the address has changed: by the back button, or filters were cleared
    setTyped(value);
  }
  const search = useDebouncedCallback((text: string) => {
    const sought = text.trim();
    if (sought === value) return;
    setFollowed(sought); // what is typed meanwhile stays
    onChange(sought, { history: hasStep.current && sought ? "replace" : "push" });
    hasStep.current = sought !== "";
  }, DELAY_MILLISECONDS);

  /** Leave what was typed and is not sought yet. */
  const forget = () => {
    search.cancel();
    setTyped(value);
    hasStep.current = false;
  };
  useWindowEvent("popstate", forget);
  const forgetAtClearing = useEffectEvent(() => {
    if (typed.trim() !== value) forget();
  });
  useEffect(() => {
    if (!isFiltered) forgetAtClearing();
  }, [isFiltered]);

  const type = (text: string) => {
    setTyped(text);
    search(text);
  };
  const clear = () => {
    type("");
    search.flush();
  };
  return (
    <TextInput
      className={classes.field}
      type="search"
      aria-label={label}
      placeholder={label}
      maxLength={SEARCH_LENGTH_MAX}
      value={typed}
      onChange={(event) => type(event.currentTarget.value)}
      onKeyDown={(event) => event.key === "Enter" && search.flush()}
      onBlur={() => {
        hasStep.current = false;
      }}
      leftSection={<IconSearch size="1rem" aria-hidden />}
      rightSection={
        typed && <CloseButton size="sm" aria-label="Clear the search" onClick={clear} />
      }
    />
  );
}
