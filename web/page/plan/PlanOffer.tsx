import { Badge, Button, Card, Group, Text, Title } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useEffect, useId, useRef } from "react";
import { formatCount, formatMoney } from "../locale";
import { labelOf, noteOf } from "./actions";
import type { Held } from "./held";
import { labelOfCycle, labelPerCycle } from "./labels";
import type { Option } from "./option";
import classes from "./PlanOffer.module.css";
import { rhythmOf } from "./rhythm";

interface Props {
  option: Option;
  held: Held;
  /** Why nothing can be chosen by this person; null when it can. */
  obstacle: string | null;
  isBusy: boolean;
  isDisabled: boolean;
  /** Whether the person comes back to its button. */
  isFocused: boolean;
  onChoose: () => void;
}

/** A plan to compare with the others, and the button that does what choosing it does. */
export function PlanOffer({ option, held, obstacle, isBusy, isDisabled, ...props }: Props) {
  const { isFocused, onChoose } = props;
  const { plan } = option;
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isFocused) button.current?.focus();
  }, [isFocused]);
  const headingId = useId();
  const noteId = useId();
  const isHeld = held.plan.id === plan.id;
  const isStepUp = option.action === "CHECKOUT" || option.action === "UPGRADE_NOW";
  const cannot = obstacle !== null || option.action === "UNAVAILABLE";
  return (
    <Card
      component="article"
      withBorder
      className={classes.root}
      data-held={isHeld || undefined}
      aria-labelledby={headingId}
    >
      <Group justify="space-between" gap="xs">
        <Title order={4} id={headingId}>
          {plan.name}
        </Title>
        <Standing option={option} held={held} />
      </Group>
      <Text size="sm" c="dimmed">
        {plan.description}
      </Text>
      <Price option={option} />
      <Text size="sm">
        {formatCount(plan.creditsPerRefresh)} credits {rhythmOf(plan)}
      </Text>
      <Features features={plan.features} />
      <Text size="sm" c="dimmed" id={noteId}>
        {obstacle ?? noteOf(option, held)}
      </Text>
      {option.action !== "CURRENT" && (
        <Button
          ref={button}
          variant={isStepUp ? "filled" : "default"}
          disabled={cannot || (isDisabled && !isBusy)}
          loading={isBusy}
          aria-describedby={noteId}
          onClick={onChoose}
        >
          {labelOf(option, held)}
        </Button>
      )}
    </Card>
  );
}

/** Says in words whether the plan is held, or is to come. */
function Standing({ option, held }: { option: Option; held: Held }) {
  if (option.reason === "ALREADY_SCHEDULED") return <Tag color="gray">Scheduled</Tag>;
  if (held.plan.id !== option.plan.id) return null;
  const isThisCycle = held.billingCycle === option.billingCycle;
  return <Tag>{isThisCycle ? "Current plan" : `Current, ${labelOfCycle(held.billingCycle)}`}</Tag>;
}

function Tag({ color, children }: { color?: string; children: string }) {
  return (
    <Badge variant="light" tt="none" {...(color && { color })}>
      {children}
    </Badge>
  );
}

function Price({ option: { billingCycle, plan, price } }: { option: Option }) {
  if (!price) {
    return (
      <div>
        <Text span className={classes.price}>
          No charge
        </Text>
      </div>
    );
  }
  const offer = plan.prices.find((each) => each.billingCycle === billingCycle);
  const isYearly = billingCycle === "YEARLY" && offer !== undefined;
  return (
    <div>
      <Text span className={classes.price}>
        {formatMoney(isYearly ? offer.monthlyEquivalent : price)}
      </Text>{" "}
      <Text span size="sm" c="dimmed">
        {isYearly ? `a month, paid as ${formatMoney(price)} a year` : labelPerCycle(billingCycle)}
      </Text>
    </div>
  );
}

function Features({ features }: { features: readonly string[] }) {
  return (
    <ul className={classes.features}>
      {features.map((feature) => (
        <li key={feature} className={classes.feature}>
          <IconCheck size="1rem" className={classes.check} aria-hidden />
          {feature}
        </li>
      ))}
    </ul>
  );
}
