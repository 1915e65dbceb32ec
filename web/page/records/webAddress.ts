const SCHEMES = ["http:", "https:"];

/** Whether a text is an address of the web: anything else, such as a script, is never a link. */
export function isWebAddress(text: string): boolean {
  return URL.canParse(text) && SCHEMES.includes(new URL(text).protocol);
}
