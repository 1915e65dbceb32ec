import { Anchor, VisuallyHidden } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./WebLink.module.css";
import { isWebAddress } from "./webAddress";

interface Props {
  /** An address as somebody wrote it: only one of the web becomes a link. */
  address: string;
  children: ReactNode;
}

/** A link into a new tab, which learns nothing of this one. */
export function WebLink({ address, children }: Props) {
  if (!isWebAddress(address)) return <span className={classes.text}>{children}</span>;
  return (
    <Anchor
      href={address}
      target="_blank"
      rel="noopener noreferrer"
      size="sm"
      underline="always"
      className={classes.text}
    >
      {children}
      <IconExternalLink size="0.875rem" className={classes.icon} aria-hidden />
      <VisuallyHidden> (opens in a new tab)</VisuallyHidden>
    </Anchor>
  );
}
