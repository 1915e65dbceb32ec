import { Button, Center, Group, Loader, Popover } from "@mantine/core";
import { IconCalendar, IconCheck } from "@tabler/icons-react";
import { lazy, useState } from "react";
import { QUICK_PICKS, type View } from "../address";
import { formatDay, formatDays } from "../locale";
import { OnceOpened } from "../states/OnceOpened";
import classes from "./DateFilter.module.css";
import { useRecordView } from "./view";

const Calendar = lazy(() => import("./Calendar"));

const LABELS: Record<(typeof QUICK_PICKS)[number], string> = {
  LAST_7_DAYS: "7 days",
  LAST_30_DAYS: "30 days",
  LAST_3_MONTHS: "3 months",
};

/** Lets through what is of the last days, or of days that are picked from a calendar. */
export function DateFilter() {
  const { view, change } = useRecordView();
  return (
    <Group gap="xs" role="group" aria-label="Dates">
      <Button.Group>
        {QUICK_PICKS.map((pick) => {
          const isPicked = view.dates === pick;
          return (
            <Button
              key={pick}
              variant="default"
              px="sm"
              className={classes.pick}
              aria-pressed={isPicked}
              leftSection={isPicked && <IconCheck size="1rem" aria-hidden />}
              onClick={() => change({ dates: isPicked ? null : pick, from: null, to: null })}
            >
              {LABELS[pick]}
            </Button>
          );
        })}
      </Button.Group>
      <DaysPicker />
    </Group>
  );
}

function DaysPicker() {
  const { view, change } = useRecordView();
  const [isOpened, setOpened] = useState(false);
  const label = view.dates ? null : daysOf(view);
  return (
    <Popover
      opened={isOpened}
      onChange={setOpened}
      position="bottom-start"
      shadow="md"
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <Button
          variant="default"
          className={classes.pick}
          data-active={label !== null || undefined}
          leftSection={<IconCalendar size="1rem" aria-hidden />}
          onClick={() => setOpened(!isOpened)}
        >
          {label ?? "Pick dates"}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <OnceOpened
          isOpened={isOpened}
          waiting={
            <Center className={classes.waiting}>
              <Loader size="sm" aria-label="Loading the calendar" />
            </Center>
          }
        >
          <Calendar
            from={view.from}
            to={view.to}
            onChange={(days) => {
              setOpened(false);
              change({ ...days, dates: null });
            }}
          />
        </OnceOpened>
      </Popover.Dropdown>
    </Popover>
  );
}

function daysOf({ from, to }: Pick<View, "from" | "to">): string | null {
  if (from && to) return from <= to ? formatDays(from, to) : null;
  if (from) return `From ${formatDay(from)}`;
  return to ? `Until ${formatDay(to)}` : null;
}
