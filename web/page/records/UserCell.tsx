import { LongText } from "./LongText";

interface Props {
  /** Nobody where the person is no longer known. */
  user: { name: string; email: string } | null | undefined;
}

/** Who used it, and their address on hover. */
export function UserCell({ user }: Props) {
  return user ? <LongText title={user.email}>{user.name}</LongText> : "Unknown";
}
