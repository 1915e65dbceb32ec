import { Button } from "@mantine/core";
import { IconLogin2, IconPlugConnectedX } from "@tabler/icons-react";
import { useReturn } from "../address";
import { EmptyState } from "../states/EmptyState";
import { LoadingState } from "../states/LoadingState";
import { useDemo } from "./Demo";
import { isDemo } from "./people";
import { useSession } from "./Session";

/** In the place of the page, when nobody is signed in or not any more. */
export function SignedOut() {
  const { isOver } = useSession();
  const [{ checkout }] = useReturn();
  if (isDemo) return <SigningIn />;
  return isOver ? (
    <EmptyState title="Your session is over" icon={<IconLogin2 />}>
      Open this page from the product again to go on.
      {checkout === "paid" && " What you have paid for is confirmed without this page too."}
    </EmptyState>
  ) : (
    <EmptyState title="Open this page from the product" icon={<IconLogin2 />}>
      The product signs you in: choose “Subscription and Credits” in its settings.
    </EmptyState>
  );
}

function SigningIn() {
  const { hasFailed, be } = useDemo();
  if (!hasFailed) return <LoadingState label="Signing in" lines={6} />;
  return (
    <EmptyState title="The demo does not sign you in" icon={<IconPlugConnectedX />}>
      <p>Is it still running, on this machine? It signs in nobody from elsewhere.</p>
      <Button onClick={() => be(null)}>Try again</Button>
    </EmptyState>
  );
}
