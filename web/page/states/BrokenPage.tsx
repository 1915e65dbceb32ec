import { Button } from "@mantine/core";
import { IconMoodConfuzed } from "@tabler/icons-react";
import { EmptyState } from "./EmptyState";

/** In the place of the page, when the page itself is broken. */
export function BrokenPage() {
  return (
    <main className="page">
      <div role="alert">
        <EmptyState title="This page has stopped working" icon={<IconMoodConfuzed />}>
          <p>Your plan and your credits are not affected. Load the page again to go on.</p>
          <Button onClick={() => location.reload()}>Load again</Button>
        </EmptyState>
      </div>
    </main>
  );
}
