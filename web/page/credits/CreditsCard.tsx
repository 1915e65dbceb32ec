import { Alert, Button, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle } from "@tabler/icons-react";
import { lazy } from "react";
import { Actions } from "../Actions";
import { Fact, Facts } from "../Facts";
import { type FragmentType, graphql, read } from "../gql";
import type { CreditsCardFragment } from "../gql/graphql";
import { formatChange, formatCount, formatDate } from "../locale";
import { Panel } from "../Panel";
import { OnceOpened } from "../states/OnceOpened";
import classes from "./CreditsCard.module.css";
import { depletionOf } from "./depletion";

const TopUpDialog = lazy(() =>
  import("./TopUpDialog").then(({ TopUpDialog }) => ({ default: TopUpDialog })),
);

const CREDITS_CARD = graphql(`
  fragment CreditsCard on Workspace {
    id
    viewerPermissions { canBuyCredits reason }
    creditBalance {
      remaining
      recurring
      purchased
      granted
      overdraft
      refreshesAt
      nextRefreshAmount
      nextExpiry { amount expiresAt }
      projectedDepletionAt
    }
  }
`);

type Balance = CreditsCardFragment["creditBalance"];

/** What the workspace can spend, where it comes from and what becomes of it. */
export function CreditsCard({
  workspace: shown,
}: {
  workspace: FragmentType<typeof CREDITS_CARD>;
}) {
  const { id, creditBalance: balance, viewerPermissions } = read(CREDITS_CARD, shown);
  const { canBuyCredits, reason } = viewerPermissions;
  const [isOpened, { open, close }] = useDisclosure();
  return (
    <Panel title="Credits">
      <p className={classes.remaining}>
        <span className={classes.number}>{formatCount(balance.remaining)}</span>{" "}
        <Text span c="dimmed">
          remaining
        </Text>
      </p>
      <Sources balance={balance} />
      {balance.overdraft > 0 && <Overdraft credits={balance.overdraft} />}
      <Prospects balance={balance} />
      <Actions label="Credits" reason={canBuyCredits ? null : reason}>
        <Button onClick={open} disabled={!canBuyCredits}>
          Buy credits
        </Button>
      </Actions>
      <OnceOpened isOpened={isOpened}>
        <TopUpDialog workspaceId={id} opened={isOpened} onClose={close} />
      </OnceOpened>
    </Panel>
  );
}

function Sources({ balance }: { balance: Balance }) {
  return (
    <dl className={classes.sources}>
      <Source name="From the plan" credits={balance.recurring} />
      <Source name="Purchased" credits={balance.purchased} />
      <Source name="Granted" credits={balance.granted} />
    </dl>
  );
}

function Source({ name, credits }: { name: string; credits: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{formatCount(credits)}</dd>
    </div>
  );
}

function Overdraft({ credits }: { credits: number }) {
  return (
    <Alert
      role="note"
      color="orange"
      classNames={{ title: classes.warning }}
      title={`${formatCount(credits)} credits overdrawn`}
      icon={<IconAlertTriangle aria-hidden />}
    >
      More was used than there was. The next credits make up for it first.
    </Alert>
  );
}

/** What is to come, where anything is. */
function Prospects({ balance }: { balance: Balance }) {
  const { refreshesAt, nextRefreshAmount, nextExpiry } = balance;
  const depletedAt = depletionOf(balance);
  return (
    <Facts>
      {refreshesAt !== null && (
        <Fact term="Next refresh">
          {nextRefreshAmount !== null && (
            <>
              <bdi>{formatChange(nextRefreshAmount)}</bdi> on{" "}
            </>
          )}
          <bdi>{formatDate(refreshesAt)}</bdi>
        </Fact>
      )}
      {nextExpiry && (
        <Fact term="Next to expire">
          <bdi>{formatCount(nextExpiry.amount)}</bdi> on{" "}
          <bdi>{formatDate(nextExpiry.expiresAt)}</bdi>
        </Fact>
      )}
      {depletedAt !== null && (
        <Fact term="At the current pace, used up by">{formatDate(depletedAt)}</Fact>
      )}
    </Facts>
  );
}
