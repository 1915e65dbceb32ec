import { Anchor, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { type FragmentType, graphql, read } from "../gql";
import type { AdjustmentDetailFragment, CreditAdjustmentType } from "../gql/graphql";
import { formatChange, formatCount, formatDate, formatMoney, formatPart } from "../locale";
import { labelOfPlan } from "../plan/labels";
import classes from "./AdjustmentDetail.module.css";
import { dayOf } from "./days";
import { ADJUSTMENT_TYPES, EXPIRATION_REASONS, LOT_KINDS, labelOf, REVERSAL_KINDS } from "./labels";
import { countOf } from "./noun";
import { useRecordView } from "./view";
import { WebLink } from "./WebLink";

const ADJUSTMENT_DETAIL = graphql(`
  fragment AdjustmentDetail on CreditAdjustmentDetail {
    __typename
    ... on AdminAdjustmentDetail { note }
    ... on CompensationDetail {
      fromPlan { id name }
      toPlan { id name }
      fractionLeft
    }
    ... on ExpirationDetail {
      reason
      lot { id kind granted adjustment { id type createdAt } }
    }
    ... on PackageDetail {
      billingCycle
      plan { id name }
    }
    ... on PaymentReversalDetail {
      kind
      reversed { id type amount createdAt }
    }
    ... on PurchaseDetail {
      packs
      paid { amountMinor currency }
      receiptUrl
    }
    ... on ReferralDetail {
      stage
      workspaceName
    }
  }
`);

const PACKS = { one: "pack", other: "packs" };

interface Props {
  detail: FragmentType<typeof ADJUSTMENT_DETAIL>;
  /** What the gateway says of it in English: shown where nothing else says it. */
  description: string;
}

/** The story behind an adjustment, in a line or two. */
export function AdjustmentDetail({ detail, description }: Props) {
  return (
    <Stack gap={2} className={classes.detail}>
      <Story story={read(ADJUSTMENT_DETAIL, detail)} description={description} />
    </Stack>
  );
}

interface StoryProps {
  story: AdjustmentDetailFragment;
  description: string;
}

function Story({ story, description }: StoryProps): ReactNode {
  switch (story.__typename) {
    case "AdminAdjustmentDetail":
      return <span>{story.note}</span>;
    case "CompensationDetail": {
      const plans = `From ${story.fromPlan?.name ?? "a former plan"} to ${story.toPlan?.name ?? "another plan"}`;
      return (
        <span>
          {plans}, with {formatPart(story.fractionLeft)} of the period left
        </span>
      );
    }
    case "ExpirationDetail":
      return (
        <>
          <span>{labelOf(EXPIRATION_REASONS, story.reason)}</span>
          {story.lot && (
            <AdjustmentLink adjustment={story.lot.adjustment}>
              Of {formatCount(story.lot.granted)} {labelOf(LOT_KINDS, story.lot.kind)} of{" "}
              {formatDate(story.lot.adjustment.createdAt)}
            </AdjustmentLink>
          )}
        </>
      );
    case "PackageDetail":
      return (
        <span>{story.plan ? labelOfPlan(story.plan.name, story.billingCycle) : "A plan"}</span>
      );
    case "PaymentReversalDetail":
      return (
        <>
          <span>
            {labelOf(REVERSAL_KINDS, story.kind)}
            {description && `: ${description}`}
          </span>
          {story.reversed && (
            <AdjustmentLink adjustment={story.reversed}>
              {labelOf(ADJUSTMENT_TYPES, story.reversed.type)} of{" "}
              {formatDate(story.reversed.createdAt)}, {formatChange(story.reversed.amount)}
            </AdjustmentLink>
          )}
        </>
      );
    case "PurchaseDetail":
      return (
        <>
          <span>
            {countOf(story.packs, PACKS)} for {formatMoney(story.paid)}
          </span>
          {story.receiptUrl && <WebLink address={story.receiptUrl}>Receipt</WebLink>}
        </>
      );
    case "ReferralDetail":
      return <span>{referralOf(story)}</span>;
    default:
      return <span>{description}</span>; // a story that only a newer gateway tells
  }
}

interface LinkProps {
  adjustment: { type: CreditAdjustmentType; createdAt: string };
  children: ReactNode;
}

/** Shows the adjustments of another one's type and day. */
function AdjustmentLink({ adjustment, children }: LinkProps) {
  const { only } = useRecordView();
  const day = dayOf(new Date(adjustment.createdAt));
  const show = () => only({ types: [adjustment.type], from: day, to: day });
  return (
    <Anchor component="button" type="button" size="sm" underline="always" ta="start" onClick={show}>
      {children}
    </Anchor>
  );
}

type Referral = Extract<AdjustmentDetailFragment, { __typename: "ReferralDetail" }>;

function referralOf({ stage, workspaceName }: Referral): string {
  const who = workspaceName ?? "A workspace that you referred";
  return stage === "SIGNUP" ? `${who} signed up` : `${who} paid for its first plan`;
}
