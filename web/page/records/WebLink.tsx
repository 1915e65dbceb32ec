import { Anchor, Text, VisuallyHidden } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./WebLink.module.css";
import { isWebAddress } from "./webAddress";

interface Props {
  /** An address as somebody wrote it: only one of the web becomes a link. */
  address: string;
  children: ReactNode;
}

/** An address may be of two thousand characters; all of it is told by its title. */
const LINES_MAX = 3;

/** A link into a new tab, which learns nothing of this one. */
export function WebLink({ address, children }: Props) {
  const text = (
    <Text span inherit className={classes.text} lineClamp={LINES_MAX} title={address}>
      {children}
    </Text>
  );
  if (!isWebAddress(address)) return text;
  return (
    <Anchor
      href={address}
      target="_blank"
      rel="noopener noreferrer"
      size="sm"
      underline="always"
      className={classes.link}
    >
      {text}
      <IconExternalLink size="0.875rem" className={classes.icon} aria-hidden />
      <VisuallyHidden> (opens in a new tab)</VisuallyHidden>
    </Anchor>
  );
}
