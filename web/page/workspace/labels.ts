import type { PermissionReason, WorkspaceRole } from "../gql/graphql";

/** What a role in a workspace is called. */
export const ROLES: Record<WorkspaceRole, string> = {
  OWNER: "Owner",
  ADMIN: "Admin",
  MEMBER: "Member",
};

/** Why an action cannot be taken, for the person who would like to. */
export const REASONS: Record<PermissionReason, string> = {
  NOT_OWNER: "Only the owner of this workspace can do this.",
  PAID_PLAN_REQUIRED: "Credits can be bought on a paid plan. Change the plan first.",
};
