import { Fact, Facts } from "../Facts";
import { formatChange, formatCount, formatDate, formatMoney } from "../locale";
import type { Held } from "./held";
import { labelOfPlan, labelPerCycle } from "./labels";
import type { Option } from "./option";
import { rhythmOf } from "./rhythm";
import classes from "./TermsFacts.module.css";
import type { Terms } from "./terms";

interface Props {
  terms: Terms;
  option: Option;
  held: Held;
}

/** What a switch costs and brings: first of all, what is due. */
export function TermsFacts({ terms, option: { plan, billingCycle, price }, held }: Props) {
  const isNow = terms.action === "UPGRADE_NOW";
  return (
    <>
      <p className={classes.due}>
        <span className={classes.amount}>{formatMoney(terms.amountDue)}</span> due now
      </p>
      <Facts>
        <Fact term="From">{labelOfPlan(held.plan.name, held.billingCycle)}</Fact>
        <Fact term="To">{labelOfPlan(plan.name, billingCycle)}</Fact>
        <Fact term="Credits now">{creditsOf(terms)}</Fact>
        <Fact term="Takes effect">
          {isNow ? "As soon as you confirm" : formatDate(terms.effectiveAt)}
        </Fact>
        {price && (
          <Fact term="Price from then on">
            {formatMoney(price)} {labelPerCycle(billingCycle)}
          </Fact>
        )}
        <Fact term={`Credits ${rhythmOf(plan)}`}>{formatCount(plan.creditsPerRefresh)}</Fact>
      </Facts>
    </>
  );
}

function creditsOf({ credits }: Terms): string {
  if (credits === 0) return "None come or go";
  const verb = Math.abs(credits) === 1 ? "is" : "are";
  return `${formatChange(credits)} ${verb} ${credits > 0 ? "added" : "taken away"}`;
}
