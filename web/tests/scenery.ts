import type { UsageEvent } from "./host.ts";
import type { House } from "./house.ts";

/** A workspace to take pictures of: its titles and names are in letters that every machine has. */
export const LIGHTHOUSE = "Lighthouse Media";

const DAY_MILLISECONDS = 86_400_000;
const DAYS = 30;
const PEOPLE = ["demo-owner", "demo-admin", "demo-member"];
const KEYS = ["Website", "Newsletter", "Reports"];
const WORK = [
  "Draft a product page",
  "Name the autumn range",
  "Translate the care instructions",
  "Write three slogans",
  "Outline the newsletter",
  "Plan the wedding season",
  "Compare two headlines",
];
const THINGS = ["ceramic mugs", "wool socks", "linen shirts", "oak shelves", "paper lamps"];
const SHOPS = ["harbour-goods.example", "mill-and-loom.example", "northlight.example"];

let opened: House["demo"]["workspaces"][number] | null = null;

/** Open it once: on the greatest plan, with a month of usage that is the same each time. */
export async function openLighthouse(house: House): Promise<void> {
  if (opened) {
    house.demo.workspaces.push(opened);
    return;
  }
  const id = await house.open(LIGHTHOUSE, "Team");
  opened = { id, name: LIGHTHOUSE, plan: "Team" };
  for (const key of KEYS) await house.host.addApiKey(id, key);
  const events = Array.from({ length: DAYS }, (_, day) => usageOf(day)).flat();
  await house.host.record(id, events);
}

/** What was used on a day, so many days ago. */
function usageOf(day: number): UsageEvent[] {
  return Array.from({ length: 3 + ((day * 7) % 5) }, (_, place) => eventOf(day, day * 8 + place));
}

function eventOf(day: number, number: number): UsageEvent {
  const shared = {
    userSubject: of(PEOPLE, number),
    occurredAt: new Date(Date.now() - day * DAY_MILLISECONDS - number * 97_000).toISOString(),
  };
  const id = (7_919 * (number + 100)).toString(16);
  if (number % 6 === 1) {
    const credits = 2 + (number % 5);
    return {
      mcpHttpCall: {
        ...shared,
        callId: `call_${id}`,
        apiKeyExternalId: of(KEYS, number),
        credits,
      },
    };
  }
  if (number % 11 === 4) {
    return {
      import: {
        ...shared,
        taskId: `task_${id}`,
        importType: number % 2 === 0 ? "BRAND" : "PRODUCT",
        importUrl: `https://${of(SHOPS, number)}/collections/${number}`,
        credits: 25 + (number % 30),
      },
    };
  }
  const isImage = number % 5 === 2;
  return {
    conversation: {
      ...shared,
      conversationId: `conv_${id}`,
      title: `${of(WORK, number)}: ${of(THINGS, number + day)}`,
      billingType: isImage ? "IMAGE_GENERATION" : "MESSAGE",
      messageCount: 1 + (number % 9),
      credits: isImage ? 40 + (number % 20) : 3 + ((number * 5) % 17),
    },
  };
}

function of(words: readonly string[], number: number): string {
  return words[number % words.length] ?? "";
}
