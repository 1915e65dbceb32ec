import { Tabs, Title } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { TABS, type Tab, useTab } from "../address";
import { Adjustments } from "./Adjustments";
import { Conversations } from "./Conversations";
import { Imports } from "./Imports";
import { McpHttpCalls } from "./McpHttpCalls";
import classes from "./Records.module.css";

const LABELS: Record<Tab, string> = {
  conversations: "Conversations",
  "mcp-http-calls": "MCP-HTTP calls",
  imports: "Import usage",
  adjustments: "Credit adjustments",
};

const LISTS: Record<Tab, (props: Props) => ReactNode> = {
  conversations: Conversations,
  "mcp-http-calls": McpHttpCalls,
  imports: Imports,
  adjustments: Adjustments,
};

interface Props {
  workspaceId: string;
  canSeeUsers: boolean;
}

/** What a workspace's credits were used for, and what else changed them. */
export function Records({ workspaceId, canSeeUsers }: Props) {
  const [tab, select] = useTab();
  const List = LISTS[tab];
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (bar.current) showTab(bar.current, tab);
  }, [tab]);
  return (
    <section aria-labelledby="records-title">
      <Title order={2} id="records-title" mb="sm">
        Credit usage records
      </Title>
      <Tabs
        value={tab}
        onChange={(value) => {
          const next = TABS.find((each) => each === value);
          if (next && next !== tab) select(next);
        }}
        keepMounted={false}
        activateTabWithKeyboard={false}
      >
        <Tabs.List ref={bar} className={classes.tabs}>
          {TABS.map((each) => (
            <Tabs.Tab key={each} value={each} data-tab={each}>
              {LABELS[each]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map((each) => (
          <Tabs.Panel key={each} value={each}>
            {/* Another workspace's list begins afresh: rows of two are never mixed. */}
            <List key={workspaceId} workspaceId={workspaceId} canSeeUsers={canSeeUsers} />
          </Tabs.Panel>
        ))}
      </Tabs>
    </section>
  );
}

/** Scroll a bar of more tabs than there is room for to one of them, and the page not at all. */
function showTab(bar: HTMLElement, tab: Tab): void {
  const shown = bar.querySelector(`[data-tab="${tab}"]`)?.getBoundingClientRect();
  const room = bar.getBoundingClientRect();
  if (!shown) return;
  if (shown.right > room.right) bar.scrollLeft += shown.right - room.right;
  if (shown.left < room.left) bar.scrollLeft -= room.left - shown.left;
}
