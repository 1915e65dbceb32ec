import { graphql, useFragment } from "react-relay";
import type { PlanDialog_workspace$key } from "./__generated__/PlanDialog_workspace.graphql";

export function PlanDialog({ workspace }: { workspace: PlanDialog_workspace$key }) {
  const data = useFragment(
    graphql`
      fragment PlanDialog_workspace on Workspace {
        viewerPermissions {
          canManagePlan
          canBuyCredits
          reason
        }
        creditPack {
          name
          credits
          quantityMax
          price {
            amountMinor
            currency
          }
        }
        planOptions {
          action
          reason
          requiresConfirmation
          billingCycle
          price {
            amountMinor
            currency
          }
          plan {
            id
            name
            description
            features
            creditsPerRefresh
          }
        }
      }
    `,
    workspace,
  );
  return (
    <dialog>
      {data.planOptions.map(({ action, billingCycle, plan, price }) => (
        <button
          key={`${plan.id} ${billingCycle ?? ""}`}
          disabled={!data.viewerPermissions.canManagePlan || action === "UNAVAILABLE"}
        >
          {plan.name} {price && money(price)}
        </button>
      ))}
    </dialog>
  );
}

function money({ amountMinor, currency }: { amountMinor: number; currency: string }): string {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  const { maximumFractionDigits = 2 } = format.resolvedOptions();
  return format.format(amountMinor / 10 ** maximumFractionDigits);
}
