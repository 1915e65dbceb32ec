import type { CombinedError } from "@urql/core";
import { type Failure, failureOf } from "../client/failure.ts";

/** Why something that a person asked for was not done, and what they can do about it. */
export interface Refusal {
  /** For programs: the code of the gateway, or why there is no answer. */
  code: string;
  title: string;
  advice: string;
  /** Whether asking for the very same once more may help. */
  canRetry: boolean;
}

/** As every mutation tells it. */
export interface UserError {
  code: string;
  message: string;
}

type Words = Omit<Refusal, "code">;

const CHANGED_MEANWHILE = "Somebody else may have changed it. What you see now is up to date.";

const REFUSALS: Record<string, Words> = {
  NOT_OWNER: {
    title: "Only the owner can do this",
    advice: "Ask the owner of the workspace to manage its plan and credits.",
    canRetry: false,
  },
  WORKSPACE_NOT_FOUND: {
    title: "You are no longer in this workspace",
    advice: "Choose another workspace, or ask its owner to invite you again.",
    canRetry: false,
  },
  PAYMENTS_UNAVAILABLE: {
    title: "Payments are not available right now",
    advice: "Try again in a moment: however often you try, you pay only once.",
    canRetry: true,
  },
  PAYMENTS_REFUSED: {
    title: "The payment provider did not accept this",
    advice: "Nothing was charged. If it happens again, tell your support.",
    canRetry: false,
  },
  IDEMPOTENCY_KEY_IN_USE: {
    title: "Your first try is still being worked on",
    advice: "Try again in a moment: however often you try, it is done only once.",
    canRetry: true,
  },
  SWITCH_UNDER_WAY: {
    title: "Another plan change is being made",
    advice: "Try again in a minute.",
    canRetry: true,
  },
  PAYMENT_DECLINED: {
    title: "Your card was declined",
    advice:
      "Nothing was charged, and your plan is as it was. " +
      "Change the card in the customer portal, then try again.",
    canRetry: false,
  },
  PAST_DUE: {
    title: "A payment is due",
    advice: "Pay it in the customer portal first. Then you can change your plan.",
    canRetry: false,
  },
  CHECKOUT_PROCESSING: {
    title: "A payment is on its way",
    advice:
      "A plan was bought by a payment that takes days, such as a bank transfer. " +
      "You can choose another plan when it has arrived.",
    canRetry: false,
  },
  PAID_PLAN_FOLLOWS: {
    title: "Another plan is paid for already",
    advice: "You can choose again when it has begun.",
    canRetry: false,
  },
  RECURRING_PLAN_MUST_END_FIRST: {
    title: "Your plan has to end first",
    advice: "Downgrade to Free, and buy this plan when your current one has ended.",
    canRetry: false,
  },
  ONE_TIME_PLAN_LAPSES: {
    title: "There is nothing to cancel",
    advice: "A plan that is paid once ends by itself.",
    canRetry: false,
  },
  ALREADY_ON_PLAN: {
    title: "This is your plan already",
    advice: CHANGED_MEANWHILE,
    canRetry: false,
  },
  ALREADY_SCHEDULED: {
    title: "This change is scheduled already",
    advice: CHANGED_MEANWHILE,
    canRetry: false,
  },
  PLAN_NOT_FOUND: {
    title: "This plan is no longer sold",
    advice: "Choose another one.",
    canRetry: false,
  },
  NO_PENDING_CHANGE: {
    title: "There is nothing to undo",
    advice:
      "The change was undone or has been made already. " +
      "A plan that you have paid for in advance stays paid.",
    canRetry: false,
  },
  PAID_PLAN_REQUIRED: {
    title: "Credits are for paid plans",
    advice: "Choose a paid plan first.",
    canRetry: false,
  },
  PACK_NOT_SOLD: {
    title: "No credits are sold right now",
    advice: "Nothing was charged.",
    canRetry: false,
  },
  RETURN_URL_NOT_ALLOWED: {
    title: "This page is not set up for payments",
    advice: "Its address is not among those that people may come back to. Tell your support.",
    canRetry: false,
  },
};

/** Not from the gateway: what was asked for is there, but its page is closed already. */
export const PAGE_CLOSED: Refusal = {
  code: "PAGE_CLOSED",
  title: "The checkout page is closed",
  advice: "Try again: another one is opened.",
  canRetry: true,
};

/** Not from the gateway: it leads to an address that nobody should be sent to. */
export const PAGE_NOT_TRUSTED: Refusal = {
  code: "PAGE_NOT_TRUSTED",
  title: "The payment page cannot be opened",
  advice: "Its address is not encrypted. Nothing was charged. Tell your support.",
  canRetry: false,
};

const FAILURES: Record<Failure, Words> = {
  offline: {
    title: "You are offline",
    advice: "Try again when you are back online: however often you try, it is done only once.",
    canRetry: true,
  },
  unreachable: {
    title: "The answer did not arrive",
    advice:
      "It may have been done, or not. Try again to find out: " +
      "however often you try, it is done only once.",
    canRetry: true,
  },
  "session-over": {
    title: "Your session is over",
    advice: "Open this page from the product again to go on.",
    canRetry: false,
  },
  refused: {
    title: "You cannot do this",
    advice: "Ask the owner of the workspace.",
    canRetry: false,
  },
  failed: {
    title: "Something went wrong",
    advice: "Try again: however often you try, it is done only once.",
    canRetry: true,
  },
};

/** Put a refusal into words; one that has none here is told as the gateway tells it. */
export function refusalOf({ code, message }: UserError): Refusal {
  const words = REFUSALS[code];
  if (words) return { code, ...words };
  return { code, title: "This was not done", advice: message, canRetry: false };
}

/** Put into words why a request was not answered: it may have been done all the same. */
export function refusalOfFailure(error: CombinedError): Refusal {
  const failure = failureOf(error);
  return refusalIn(error) ?? { code: failure, ...FAILURES[failure] };
}

/** Return the refusal that an error of GraphQL tells of; null when it is a failure. */
export function refusalIn({ graphQLErrors: [first] }: CombinedError): Refusal | null {
  const code = first?.extensions.code;
  if (!first || typeof code !== "string" || !(code in REFUSALS)) return null;
  return refusalOf({ code, message: first.message });
}
