import type {
  ConversationBillingType,
  CreditAdjustmentType,
  CreditExpirationReason,
  ImportType,
  LotKind,
  PaymentReversalKind,
  UsageKind,
} from "../gql/graphql";

/** What the records' words are called. Their order is the order that a person chooses from. */

export const BILLING_TYPES: Record<ConversationBillingType, string> = {
  MESSAGE: "Messages",
  IMAGE_GENERATION: "Image generation",
  VIDEO_GENERATION: "Video generation",
};

export const IMPORT_TYPES: Record<ImportType, string> = {
  BRAND: "Brand import",
  PRODUCT: "Product import",
};

export const ADJUSTMENT_TYPES: Record<CreditAdjustmentType, string> = {
  FREE_WORKSPACE_GRANT: "Free workspace grant",
  PACKAGE_RESET: "Package reset",
  SUBSCRIPTION_RENEWAL: "Subscription renewal",
  SUBSCRIPTION_SWITCH_COMPENSATION: "Subscription switch compensation",
  REFERRAL_SIGNUP_REWARD: "Referral signup reward",
  REFERRAL_FIRST_PAID_PLAN_REWARD: "Referral first paid plan reward",
  CREDIT_PACKAGE_PURCHASE: "Credit package purchase",
  CREDIT_REFUND: "Credit refund",
  ADMIN_ADJUSTMENT: "Admin adjustment",
  CREDIT_EXPIRATION: "Credit expiration",
};

export const USAGE_KINDS: Record<UsageKind, string> = {
  MESSAGE: "Messages",
  IMAGE_GENERATION: "Image generation",
  VIDEO_GENERATION: "Video generation",
  MCP_HTTP_CALL: "MCP-HTTP call",
  IMPORT: "Import",
};

export const LOT_KINDS: Record<LotKind, string> = {
  RECURRING: "plan credits",
  PURCHASED: "purchased credits",
  GRANTED: "granted credits",
};

export const EXPIRATION_REASONS: Record<CreditExpirationReason, string> = {
  PERIOD_ENDED: "The period of these credits ended",
  REPLACED_BY_RENEWAL: "The credits of the next period took their place",
  SUBSCRIPTION_ENDED: "The subscription that gave them ended",
};

export const REVERSAL_KINDS: Record<PaymentReversalKind, string> = {
  REFUND: "Refunded",
  DISPUTE: "Disputed with the bank",
};

/** What a conversation is called that has no title, or one of spaces. */
export const UNTITLED = "Untitled";

/** What a word is called, in words that a newer gateway's unknown ones have too. */
export function labelOf<Word extends string>(labels: Record<Word, string>, word: Word): string {
  return labels[word] ?? "Other";
}

/** Whether a word, such as one of the address, is one of those that have a label. */
export function isWordOf<Word extends string>(
  labels: Record<Word, string>,
  word: string,
): word is Word {
  return Object.hasOwn(labels, word);
}
