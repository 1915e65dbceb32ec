import { Button, NumberInput, Stack, Text } from "@mantine/core";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { useQuery } from "urql";
import { returnAddresses } from "../checkout/addresses";
import { departure } from "../checkout/departure";
import { useLeaving } from "../checkout/leave";
import { graphql } from "../gql";
import type { TopUpQuery } from "../gql/graphql";
import { formatCount, formatMoney } from "../locale";
import { RefusalNotice } from "../requests/RefusalNotice";
import { useRequest } from "../requests/useRequest";
import { EmptyState } from "../states/EmptyState";
import { FailureNotice } from "../states/FailureNotice";
import { LoadingState } from "../states/LoadingState";
import classes from "./TopUp.module.css";

const TOP_UP = graphql(`
  query TopUp($workspace: ID!) {
    workspace(id: $workspace) {
      id
      viewerPermissions { canBuyCredits }
      creditPack { name credits price { amountMinor currency } quantityMax }
      creditBalance { remaining overdraft }
    }
  }
`);

const BUY = graphql(`
  mutation BuyCredits($input: CreateTopUpCheckoutInput!) {
    createTopUpCheckout(input: $input) {
      topUpCheckout { id status url }
      userErrors { code message }
    }
  }
`);

interface Props {
  workspaceId: string;
  /** Told whether a checkout page is being opened. */
  onBusy: (isBusy: boolean) => void;
}

/** Asks what is sold; then lets the owner choose how much of it. */
export function TopUp({ workspaceId, onBusy }: Props) {
  const [{ data, error }, ask] = useQuery({
    query: TOP_UP,
    variables: { workspace: workspaceId },
    requestPolicy: "cache-and-network",
  });
  const workspace = data?.workspace;
  if (workspace?.creditPack) {
    const { creditPack: pack } = workspace;
    return <Choice workspace={workspace} pack={pack} onBusy={onBusy} />;
  }
  if (error) {
    return <FailureNotice error={error} onRetry={() => ask({ requestPolicy: "network-only" })} />;
  }
  if (!data) return <LoadingState label="Loading the credit packs" />;
  return <EmptyState title="No credits are sold here">Credits are for paid plans.</EmptyState>;
}

type Workspace = NonNullable<TopUpQuery["workspace"]>;

interface ChoiceProps {
  workspace: Workspace;
  pack: NonNullable<Workspace["creditPack"]>;
  onBusy: (isBusy: boolean) => void;
}

function Choice({ workspace, pack, onBusy }: ChoiceProps) {
  const [chosen, setChosen] = useState<number | string>(1);
  const { isLeaving, obstacle, leaveFor } = useLeaving();
  const { ask, isBusy, refusal } = useRequest(BUY, (data) => data.createTopUpCheckout);
  const isOnItsWay = isBusy || isLeaving;
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []); // the dialog was there before what is sold was known
  useEffect(() => {
    onBusy(isOnItsWay);
    return () => onBusy(false);
  }, [isOnItsWay, onBusy]);

  const packs = packsOf(chosen, pack.quantityMax);
  const buy = async () => {
    if (packs === null) return;
    const { id: workspaceId } = workspace;
    const { done, key } = await ask((idempotencyKey) => ({
      workspaceId,
      packs,
      ...returnAddresses(workspaceId, idempotencyKey),
      idempotencyKey,
    }));
    const checkout = done?.topUpCheckout;
    if (!checkout) return;
    leaveFor(checkout.url, () =>
      departure.remember(key, { what: "credits", workspaceId, checkoutId: checkout.id }),
    );
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void buy();
  };
  const range = `${formatCount(1)} to ${formatCount(pack.quantityMax)} packs`;
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <NumberInput
          data-autofocus
          ref={field}
          label="Packs"
          description={`${formatCount(pack.credits)} credits for ${formatMoney(pack.price)} each`}
          value={chosen}
          onChange={setChosen}
          min={1}
          max={pack.quantityMax}
          clampBehavior="none"
          allowDecimal={false}
          allowNegative={false}
          error={packs === null && `Choose ${range}.`}
          disabled={isOnItsWay}
        />
        <Sum packs={packs} pack={pack} balance={workspace.creditBalance} />
        <RefusalNotice refusal={refusal ?? obstacle} onRetry={buy} />
        <Button
          type="submit"
          loading={isOnItsWay}
          disabled={packs === null || !workspace.viewerPermissions.canBuyCredits}
        >
          Go to checkout
        </Button>
      </Stack>
    </form>
  );
}

interface SumProps {
  packs: number | null;
  pack: ChoiceProps["pack"];
  balance: Workspace["creditBalance"];
}

/** What is chosen, as credits and as money, told anew with each choice. */
function Sum({ packs, pack, balance: { remaining, overdraft } }: SumProps) {
  const noteId = useId();
  if (packs === null) return null;
  const credits = packs * pack.credits;
  const price = { ...pack.price, amountMinor: packs * pack.price.amountMinor };
  const owed = Math.min(overdraft, credits);
  return (
    <div>
      <output className={classes.sum} aria-live="polite" aria-describedby={noteId}>
        <span>{formatCount(credits)} credits</span>
        <span>{formatMoney(price)}</span>
      </output>
      <Text size="sm" c="dimmed" id={noteId}>
        You have {formatCount(remaining)} now, and {formatCount(remaining + credits - owed)} when it
        is paid. What you buy does not expire.
        {owed > 0 && ` ${formatCount(owed)} make up for what was used beyond your credits.`}
      </Text>
    </div>
  );
}

/** Return how many packs are chosen; null when that is not a number that is sold. */
function packsOf(chosen: number | string, most: number): number | null {
  const packs = typeof chosen === "number" ? chosen : Number(chosen || Number.NaN);
  return Number.isInteger(packs) && packs >= 1 && packs <= most ? packs : null;
}
