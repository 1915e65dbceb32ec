import { formatCount } from "../locale";

/** What a list is of. */
export interface Noun {
  one: string;
  other: string;
}

/** `1 conversation`, `1,200 conversations` */
export const countOf = (count: number, { one, other }: Noun): string =>
  `${formatCount(count)} ${count === 1 ? one : other}`;

export const TYPES: Noun = { one: "type", other: "types" };

/** `Type`, as at the beginning of a line */
export const capitalized = (words: string): string =>
  words.charAt(0).toUpperCase() + words.slice(1);
