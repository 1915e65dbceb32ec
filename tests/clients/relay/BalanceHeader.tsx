import { graphql, useRefetchableFragment } from "react-relay";
import type { BalanceHeaderRefetchQuery } from "./__generated__/BalanceHeaderRefetchQuery.graphql";
import type { BalanceHeader_workspace$key } from "./__generated__/BalanceHeader_workspace.graphql";

export function BalanceHeader({ workspace }: { workspace: BalanceHeader_workspace$key }) {
  const [data, refetch] = useRefetchableFragment<
    BalanceHeaderRefetchQuery,
    BalanceHeader_workspace$key
  >(
    graphql`
      fragment BalanceHeader_workspace on Workspace
      @refetchable(queryName: "BalanceHeaderRefetchQuery") {
        subscription {
          status
          billingCycle
          plan {
            name
          }
          pendingChange {
            effectiveAt
            plan {
              name
            }
          }
        }
        creditBalance {
          remaining
          overdraft
          refreshesAt
          nextRefreshAmount
          nextExpiry {
            amount
            expiresAt
          }
        }
      }
    `,
    workspace,
  );
  const { creditBalance, subscription } = data;
  return (
    <header>
      <p>
        {subscription.plan.name}: {creditBalance.remaining} credits
      </p>
      <button onClick={() => refetch({}, { fetchPolicy: "network-only" })}>Look again</button>
    </header>
  );
}
