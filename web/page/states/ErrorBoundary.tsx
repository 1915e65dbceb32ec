import { Component, type ReactNode } from "react";

interface Props {
  children: ReactNode;
  /** What is there instead. */
  fallback: ReactNode;
}

/** Stands in for what is broken inside, or for a part of the page that could not be loaded. */
export class ErrorBoundary extends Component<Props, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError() {
    return { isBroken: true };
  }

  override render() {
    return this.state.isBroken ? this.props.fallback : this.props.children;
  }
}
