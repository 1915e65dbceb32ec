import "@mantine/dates/styles.css";

import { Button, Stack, Text } from "@mantine/core";
import { DatePicker } from "@mantine/dates";
import { useState } from "react";
import {
  FIRST_DAY_OF_WEEK,
  formatCount,
  formatMonth,
  formatMonthName,
  formatWeekday,
  formatWholeDay,
  timeZoneName,
} from "../locale";
import classes from "./Calendar.module.css";
import { type Day, dayNamed, dayOf, nameOf } from "./days";

interface Props {
  from: Day | null;
  to: Day | null;
  onChange: (days: { from: Day | null; to: Day | null }) => void;
}

type Range = [string | null, string | null];

/** A calendar to pick a first and a last day from, both included. */
export default function Calendar({ from, to, onChange }: Props) {
  const [picked, setPicked] = useState<Range>([from && nameOf(from), to && nameOf(to)]);
  const pick = ([first, last]: Range) => {
    setPicked([first, last]);
    if (first && last) onChange({ from: dayNamed(first), to: dayNamed(last) });
  };
  const today = nameOf(dayOf(new Date()));
  return (
    <Stack gap="xs">
      <Text size="sm" role="status">
        {picked[0] && !picked[1] ? "Now pick the last day" : "Pick the first day and the last one"}
      </Text>
      <DatePicker
        type="range"
        classNames={{ day: classes.day }}
        allowSingleDateInRange
        value={picked}
        onChange={pick}
        defaultDate={picked[1] ?? today}
        maxDate={today}
        weekendDays={[]} // a colour of their own would tell nothing, and is too pale to read
        firstDayOfWeek={FIRST_DAY_OF_WEEK}
        monthLabelFormat={(day) => formatMonth(dayNamed(day))}
        monthsListFormat={(day) => formatMonthName(dayNamed(day))}
        weekdayFormat={(day) => formatWeekday(dayNamed(day))}
        renderDay={(day) => formatCount(dayNamed(day).getUTCDate())}
        getDayAriaLabel={(day) => formatWholeDay(dayNamed(day))}
        ariaLabels={{
          nextMonth: "Next month",
          previousMonth: "Previous month",
          nextYear: "Next year",
          previousYear: "Previous year",
          nextDecade: "Next decade",
          previousDecade: "Previous decade",
        }}
      />
      <Text size="xs" c="dimmed">
        Days by your clock: {timeZoneName()}
      </Text>
      {(from ?? to) && (
        <Button variant="subtle" size="xs" onClick={() => onChange({ from: null, to: null })}>
          Any time
        </Button>
      )}
    </Stack>
  );
}
