import type { WorkspaceRole } from "../gql/graphql";

const KEY = "billing-gateway:demo-role";
const ROLES: readonly WorkspaceRole[] = ["OWNER", "ADMIN", "MEMBER"];

/** Who this browser tab is in the demo, so that a new token is the same person's. */
export const role = {
  read: (): WorkspaceRole | null => {
    const stored = sessionStorage.getItem(KEY);
    return ROLES.find((each) => each === stored) ?? null;
  },
  write: (value: WorkspaceRole): void => sessionStorage.setItem(KEY, value),
};
