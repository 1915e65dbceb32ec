import { Button } from "@mantine/core";
import { IconMoodConfuzed } from "@tabler/icons-react";
import { Component, type ReactNode } from "react";
import { EmptyState } from "./EmptyState";

interface Props {
  children: ReactNode;
}

/** Stands in for the page when the page itself is broken, or a part of it could not be loaded. */
export class ErrorBoundary extends Component<Props, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError() {
    return { isBroken: true };
  }

  override render() {
    if (!this.state.isBroken) return this.props.children;
    return (
      <main className="page" role="alert">
        <EmptyState title="This page has stopped working" icon={<IconMoodConfuzed />}>
          <p>Your plan and your credits are not affected. Load the page again to go on.</p>
          <Button onClick={() => location.reload()}>Load again</Button>
        </EmptyState>
      </main>
    );
  }
}
