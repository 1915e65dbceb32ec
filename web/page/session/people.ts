import type { WorkspaceRole } from "../gql/graphql";

/** Somebody that the demo lets everybody be. */
export interface Person {
  role: WorkspaceRole;
  name: string;
  email: string;
  token: string;
}

/** Whether this is the demo's page: elsewhere the host product signs people in. */
export const isDemo =
  document.querySelector<HTMLMetaElement>("meta[name=sign-in]")?.content === "demo";

/** Fetch whom one can be in the demo, the owner first, with fresh tokens. */
export async function fetchPeople(): Promise<Person[]> {
  const answer = await fetch("/demo/people", { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`The demo's people: HTTP ${answer.status}`);
  const { people } = (await answer.json()) as { people: Person[] };
  return people;
}
