import { graphql, useFragment, usePaginationFragment } from "react-relay";
import type { AdjustmentsTabPaginationQuery } from "./__generated__/AdjustmentsTabPaginationQuery.graphql";
import type { AdjustmentsTab_story$key } from "./__generated__/AdjustmentsTab_story.graphql";
import type { AdjustmentsTab_workspace$key } from "./__generated__/AdjustmentsTab_workspace.graphql";

export function AdjustmentsTab({ workspace }: { workspace: AdjustmentsTab_workspace$key }) {
  const { data, hasNext, loadNext, refetch } = usePaginationFragment<
    AdjustmentsTabPaginationQuery,
    AdjustmentsTab_workspace$key
  >(
    graphql`
      fragment AdjustmentsTab_workspace on Workspace
      @refetchable(queryName: "AdjustmentsTabPaginationQuery")
      @argumentDefinitions(
        first: { type: "Int", defaultValue: 20 }
        after: { type: "String" }
        filterBy: { type: "CreditAdjustmentFilter" }
        orderBy: { type: "CreditAdjustmentOrder" }
      ) {
        creditAdjustments(first: $first, after: $after, filterBy: $filterBy, orderBy: $orderBy)
          @connection(key: "AdjustmentsTab_creditAdjustments") {
          edges {
            node {
              id
              type
              amount
              createdAt
              ...AdjustmentsTab_story
            }
          }
          summary {
            net
          }
        }
      }
    `,
    workspace,
  );
  return (
    <section>
      <button onClick={() => refetch({ orderBy: { field: "AMOUNT", direction: "ASC" } })}>
        Amount
      </button>
      <p>{data.creditAdjustments.summary.net} in all</p>
      <ul>
        {data.creditAdjustments.edges.map(({ node }) => (
          <li key={node.id}>
            {node.type}: {node.amount} <Story adjustment={node} />
          </li>
        ))}
      </ul>
      {hasNext && <button onClick={() => loadNext(20)}>More</button>}
    </section>
  );
}

function Story({ adjustment }: { adjustment: AdjustmentsTab_story$key }) {
  const { description, detail } = useFragment(
    graphql`
      fragment AdjustmentsTab_story on CreditAdjustment {
        description
        detail {
          __typename
          ... on PackageDetail {
            billingCycle
            plan {
              name
            }
          }
          ... on CompensationDetail {
            fractionLeft
            fromPlan {
              name
            }
            toPlan {
              name
            }
          }
          ... on ReferralDetail {
            stage
            workspaceName
          }
          ... on PurchaseDetail {
            packs
            receiptUrl
          }
          ... on PaymentReversalDetail {
            kind
            reversed {
              id
              amount
            }
          }
          ... on AdminAdjustmentDetail {
            note
          }
          ... on ExpirationDetail {
            reason
          }
        }
      }
    `,
    adjustment,
  );
  switch (detail.__typename) {
    case "CompensationDetail":
      return (
        <>
          {detail.fromPlan?.name} to {detail.toPlan?.name}, {detail.fractionLeft * 100} % left
        </>
      );
    case "PurchaseDetail":
      return detail.receiptUrl ? <a href={detail.receiptUrl}>Receipt</a> : <>{detail.packs}</>;
    // A kind of story that this page does not know yet still has a sentence.
    default:
      return <>{description}</>;
  }
}
