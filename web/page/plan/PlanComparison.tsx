import { SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { type CSSProperties, useId, useState } from "react";
import { formatPart } from "../locale";
import type { Held } from "./held";
import { isSame, type Option } from "./option";
import classes from "./PlanComparison.module.css";
import { PlanOffer } from "./PlanOffer";
import { savingOf } from "./saving";

type Cycle = "MONTHLY" | "YEARLY";

interface Props {
  options: readonly Option[];
  held: Held;
  /** Why nothing can be chosen by this person; null when it can. */
  obstacle: string | null;
  busyWith: Option | null;
  /** The plan that the person has looked at and comes back from. */
  from: Option | null;
  onChoose: (option: Option) => void;
}

/** The plans side by side, by the month or by the year, and those that are paid once. */
export function PlanComparison({ options, held, from, ...choosing }: Props) {
  const [cycle, setCycle] = useState<Cycle>(cycleOf(from ?? held) ?? cycleOf(held) ?? "MONTHLY");
  const saving = Math.max(0, ...options.map(savingOf));
  const renewing = options.filter(
    ({ plan, billingCycle }) =>
      plan.kind !== "ONE_TIME" && (billingCycle === null || billingCycle === cycle),
  );
  const once = options.filter(({ plan }) => plan.kind === "ONE_TIME");
  const columns = { "--columns": Math.max(1, renewing.length) } as CSSProperties;
  return (
    <Stack gap="lg" style={columns}>
      <SegmentedControl
        aria-label="How often you pay"
        value={cycle}
        onChange={setCycle}
        data={[
          { value: "MONTHLY", label: "Monthly" },
          { value: "YEARLY", label: <Yearly saving={saving} /> },
        ]}
      />
      <Plans title="Plans that renew" options={renewing} held={held} from={from} {...choosing} />
      {once.length > 0 && (
        <Plans title="Paid once" options={once} held={held} from={from} {...choosing} />
      )}
    </Stack>
  );
}

function cycleOf({ billingCycle }: Pick<Option, "billingCycle">): Cycle | null {
  return billingCycle === "MONTHLY" || billingCycle === "YEARLY" ? billingCycle : null;
}

function Yearly({ saving }: { saving: number }) {
  if (saving === 0) return "Yearly";
  return (
    <>
      Yearly<span className={classes.saving}>Save {formatPart(saving)}</span>
    </>
  );
}

function Plans({
  title,
  options,
  held,
  obstacle,
  busyWith,
  from,
  onChoose,
}: Props & { title: string }) {
  const headingId = useId();
  return (
    <section aria-labelledby={headingId}>
      <Stack gap="sm">
        <Title order={3} id={headingId} size="h5">
          {title}
        </Title>
        <div className={classes.plans}>
          {options.map((option) => (
            <PlanOffer
              key={`${option.plan.id} ${option.billingCycle}`}
              option={option}
              held={held}
              obstacle={obstacle}
              isBusy={busyWith !== null && isSame(busyWith, option)}
              isFocused={from !== null && isSame(from, option)}
              isDisabled={busyWith !== null}
              onChoose={() => onChoose(option)}
            />
          ))}
        </div>
        {options.length === 0 && <Text size="sm">No plan is sold this way.</Text>}
      </Stack>
    </section>
  );
}
