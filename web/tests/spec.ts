import type { House } from "./house.ts";

/** What is tried: it fails if the promise is rejected. */
type Trial = (house: House) => Promise<void>;

export const specs = new Map<string, Trial>();

/** Say in a sentence what holds, and try it. */
export function spec(sentence: string, trial: Trial): void {
  if (specs.has(sentence)) throw new Error(`There are two specs of this name: ${sentence}`);
  specs.set(sentence, trial);
}
