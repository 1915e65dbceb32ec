import { CloseButton, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import classes from "./SearchField.module.css";
import { SEARCH_LENGTH_MAX } from "./variables";

const DELAY_MILLISECONDS = 300;

interface Props {
  label: string;
  value: string;
  onChange: (sought: string) => void;
}

/** A search as one types: after a short pause, or at once by Enter. */
export function SearchField({ label, value, onChange }: Props) {
  const [typed, setTyped] = useState(value);
  const [followed, setFollowed] = useState(value);
  if (value !== followed) {
    setFollowed(value); // the address has changed: by the back button, or filters were cleared
    setTyped(value);
  }
  const search = useDebouncedCallback((sought: string) => {
    if (sought !== value) onChange(sought);
  }, DELAY_MILLISECONDS);

  const type = (sought: string) => {
    setTyped(sought);
    search(sought);
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
      leftSection={<IconSearch size="1rem" aria-hidden />}
      rightSection={
        typed && <CloseButton size="sm" aria-label="Clear the search" onClick={clear} />
      }
    />
  );
}
