"""Telling a story to its end: usage and what befalls the workspace, in the order of time."""

import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from billing.demonstration.story import Story, Thread
from billing.entries import NEVER, Changes
from billing.rows import Rows
from models.base import Base

EVENTS_MAX = 20_000
"""A chapter is as long as that, and a day more."""


class Chapter(NamedTuple):
    """A part of a story: the records that began in it, and what its entries changed."""

    story: Story
    records: list[dict[type[Base], Rows]]
    changes: Changes


def chapters(story: Story, *, now: datetime) -> Iterator[Chapter]:
    """Tell the story up to `now`, in parts that fit into memory."""
    agenda = _Agenda(story.threads)
    records: list[dict[type[Base], Rows]] = []
    events = 0
    for day in [] if story.traffic is None else story.traffic.days():
        records.append(day.records)
        events += len(day.events)
        for recorded_at, usage in day.events:
            if agenda.next_at <= recorded_at:
                agenda.resume(until=recorded_at)
            story.book.charge(usage, now=recorded_at)
        if events >= EVENTS_MAX:
            yield Chapter(story, records, story.book.take_changes())
            records, events = [], 0
    agenda.resume(until=now)
    yield Chapter(story, records, story.book.take_changes())


class _Agenda:
    """The threads of a story, by when each goes on."""

    def __init__(self, threads: list[Thread]) -> None:
        self._waiting: list[tuple[datetime, int, Thread]] = []
        self.next_at = NEVER
        for place, thread in enumerate(threads):
            self._wait(place, thread)

    def resume(self, *, until: datetime) -> None:
        """Let everything happen that is due."""
        while self.next_at <= until:
            _, place, thread = heapq.heappop(self._waiting)
            self._wait(place, thread)

    def _wait(self, place: int, thread: Thread) -> None:
        at = next(thread, None)
        if at is not None:
            heapq.heappush(self._waiting, (at, place, thread))
        self.next_at = self._waiting[0][0] if self._waiting else NEVER
