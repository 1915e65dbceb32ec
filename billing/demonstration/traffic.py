"""What a workspace uses: conversations, MCP-HTTP calls and imports, day by day.

Each record is made whole, with the totals of its events; the events are then handed out in the
order in which they are recorded, some of them on a later day.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from billing import calendar
from billing.demonstration import ids, words
from billing.demonstration.cast import Member
from billing.entries import Usage
from billing.rows import Rows
from models.base import Base
from models.ledger import UsageKind
from models.usage import BillingType, ConversationUsage, ImportType, ImportUsage, McpHttpCall

CREDITS_AN_EVENT = 8
"""What an event costs, roughly, over all kinds."""

DAY = timedelta(days=1)


class Key(NamedTuple):
    """An API key, until it is revoked."""

    id: UUID
    name: str
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How often a new record is of a kind, and a conversation begins with pictures or films."""

    calls: float = 0.5
    imports: float = 0.12
    images: float = 0.12
    videos: float = 0.02


@dataclass(frozen=True, slots=True)
class Film:
    """A film that a story needs: when it was generated and what it cost."""

    at: datetime
    title: str
    credits: int


Event = tuple[datetime, Usage]
"""A usage event, and when it was recorded."""


class Day(NamedTuple):
    """The records that began on a day, and the events that were recorded on it, in order."""

    records: dict[type[Base], Rows]
    events: list[Event]


class Traffic:
    """The usage of a workspace between two times: exactly so many events, nothing later."""

    def __init__(
        self,
        random: Random,
        *,
        members: Sequence[Member],
        keys: Sequence[Key],
        mix: Mix,
        events: int,
        start: datetime,
        end: datetime,
        films: Sequence[Film] = (),
        odd_titles: Sequence[str] = (),
        odd_urls: Sequence[str] = (),
    ) -> None:
        self._random = random
        self._members = members
        self._keys = keys
        self._mix = mix
        self._end = end
        self._films = films
        self._days = _days(start, end)
        self._counts = _apportion(random, self._days, events)
        self._events_left = events
        self._odd_titles = list(odd_titles)
        self._odd_urls = list(odd_urls)
        self._people: list[UUID] = []
        self._live_keys: list[UUID] = []
        self._conversations: list[tuple[Any, ...]] = []
        self._calls: list[tuple[Any, ...]] = []
        self._imports: list[tuple[Any, ...]] = []
        self._waiting: list[Event] = []

    def expected_credits(self, start: datetime, end: datetime) -> int:
        """Return about what the days that begin between two times will use."""
        counts = [
            count
            for day, count in zip(self._days, self._counts, strict=True)
            if start <= day.start < end
        ]
        return sum(counts) * CREDITS_AN_EVENT

    def days(self) -> Iterator[Day]:
        """Make each day, first to last."""
        for day, count in zip(self._days, self._counts, strict=True):
            self._open(day)
            for film in self._films:
                if day.start <= film.at < day.end:
                    self._film(film)
            left = count
            while left:
                made = self._record(day, left)
                left -= made
                self._events_left -= made
            yield self._close(day)

    def _open(self, day: calendar.Period) -> None:
        """Say who is there on the day; whoever has just come or is about to leave is not."""
        self._people = [
            member.person.id
            for place, member in enumerate(self._members)
            if member.joined_at <= day.start and (member.left_at or day.end) >= day.end
            for _ in range(1 + place % 3)  # some use more than others
        ] or [self._members[0].person.id]
        self._live_keys = [
            key.id for key in self._keys if key.revoked_at is None or key.revoked_at >= day.end
        ]

    def _close(self, day: calendar.Period) -> Day:
        """Hand over what began on the day and what was recorded by its end."""
        self._waiting.sort()
        split = len(self._waiting)
        if day.end < self._end:
            split = bisect_left(self._waiting, (day.end,))
        events, self._waiting = self._waiting[:split], self._waiting[split:]
        records: dict[type[Base], Rows] = {
            ConversationUsage: Rows(_CONVERSATION, self._conversations),
            McpHttpCall: Rows(_CALL, self._calls),
            ImportUsage: Rows(_IMPORT, self._imports),
        }
        self._conversations, self._calls, self._imports = [], [], []
        return Day(records, events)

    def _record(self, day: calendar.Period, limit: int) -> int:
        """Make a record that begins on the day; return how many events it has."""
        at = self._time(day)
        draw = self._random.random()
        if draw < self._mix.calls:
            self._call(at)
            return 1
        if draw < self._mix.calls + self._mix.imports:
            self._import(at)
            return 1
        return self._conversation(at, limit)

    def _time(self, day: calendar.Period) -> datetime:
        """Return a time of the day, mostly in working hours."""
        random = self._random.random
        if day.end - day.start < DAY:
            return day.start + (day.end - day.start) * random()
        hour = bisect_left(_HOURS, random() * _HOURS[-1])
        return day.start + timedelta(hours=hour + random())

    def _call(self, at: datetime) -> None:
        random = self._random
        call = ids.at(random, at)
        spent = 1 + int(random.random() ** 2 * 5)
        external_id = f"call_{random.getrandbits(72):018x}"
        key = self._live_keys[int(random.random() ** 2 * len(self._live_keys))]
        self._calls.append((call, external_id, key, self._person(), spent, at))
        self._wait(
            Usage(external_id, _hash(external_id), UsageKind.MCP_HTTP_CALL, call, spent, 0, at)
        )

    def _import(self, at: datetime) -> None:
        random = self._random
        task = ids.at(random, at)
        kind = ImportType.BRAND if random.random() < _BRANDS else ImportType.PRODUCT
        spent = 50 if kind is ImportType.BRAND else 5 * (1 + int(random.random() * 5))
        url = words.brand_url(random) if kind is ImportType.BRAND else words.product_url(random)
        if self._odd_urls and self._events_left <= _LATE_FOR_URLS:
            url = self._odd_urls.pop(0)
        external_id = f"task_{random.getrandbits(72):018x}"
        self._imports.append((task, external_id, kind, url, self._person(), spent, at))
        self._wait(Usage(external_id, _hash(external_id), UsageKind.IMPORT, task, spent, 0, at))

    def _conversation(self, at: datetime, limit: int) -> int:
        """Make a conversation of at most `limit` events; return how many they are."""
        random = self._random
        conversation = ids.at(random, at)
        external_id = f"conv_{random.getrandbits(72):018x}"
        first = self._conversation_kind()
        count = min(limit, 1 + int(random.expovariate(_MORE_EVENTS)))
        occurred_at, recorded_at, total_spent, total_messages = at, at, 0, 0
        for place in range(count):
            kind = first if place == 0 else self._next_kind(first)
            spent = self._price(kind)
            messages = 1 + (random.random() < _LONG_TURNS)
            total_spent += spent
            total_messages += messages
            if place:
                occurred_at = self._later(occurred_at)
            event_id = f"{external_id}:{place + 1}"
            usage = Usage(
                event_id, _hash(event_id), kind, conversation, spent, messages, occurred_at
            )
            recorded_at = self._wait(usage, after=recorded_at)
        self._conversations.append(
            (
                conversation,
                external_id,
                self._title(first),
                self._person(),
                BillingType(first.value),
                total_messages,
                total_spent,
                at,
                occurred_at,
            )
        )
        return count

    def _film(self, film: Film) -> None:
        """Make the conversation of a film that a story needs."""
        conversation = ids.at(self._random, film.at)
        external_id = f"conv_{self._random.getrandbits(72):018x}"
        billing_type = BillingType.VIDEO_GENERATION
        person = self._members[0].person.id
        self._conversations.append(
            (
                *(conversation, external_id, film.title, person, billing_type),
                *(1, film.credits, film.at, film.at),
            )
        )
        event_id = f"{external_id}:1"
        kind = UsageKind.VIDEO_GENERATION
        event_hash = _hash(event_id)
        self._wait(Usage(event_id, event_hash, kind, conversation, film.credits, 1, film.at))

    def _wait(self, usage: Usage, *, after: datetime | None = None) -> datetime:
        """Keep an event for when it is recorded, soon or, of a worker that was away, late."""
        draw = self._random.random()
        delay = _SOON * draw if draw < _PROMPT else _LATE * self._random.random()
        recorded_at = min(usage.occurred_at + delay, self._end)
        if after is not None and recorded_at < after:
            recorded_at = after  # the events of a conversation come in order
        self._waiting.append((recorded_at, usage))
        return recorded_at

    def _person(self) -> UUID:
        return self._people[int(self._random.random() * len(self._people))]

    def _title(self, kind: UsageKind) -> str:
        if self._odd_titles and self._events_left <= _LATE_FOR_TITLES:
            return self._odd_titles.pop(0)
        return words.title(self._random, kind)

    def _conversation_kind(self) -> UsageKind:
        draw = self._random.random()
        if draw < self._mix.videos:
            return UsageKind.VIDEO_GENERATION
        if draw < self._mix.videos + self._mix.images:
            return UsageKind.IMAGE_GENERATION
        return UsageKind.MESSAGE

    def _next_kind(self, first: UsageKind) -> UsageKind:
        """Return what a conversation goes on with: mostly messages, whatever it began with."""
        draw = self._random.random()
        if first is not UsageKind.MESSAGE:
            return first if draw < _SAME_KIND else UsageKind.MESSAGE
        is_picture = draw < self._mix.images * _ILLUSTRATED
        return UsageKind.IMAGE_GENERATION if is_picture else UsageKind.MESSAGE

    def _price(self, kind: UsageKind) -> int:
        draw = self._random.random()
        if kind is UsageKind.MESSAGE:
            return 1 + int(draw * draw * 9) if draw > _FREE_OF_CHARGE else 0
        if kind is UsageKind.IMAGE_GENERATION:
            return 12 + int(draw * 20)
        return 20 * (3 + int(draw * draw * 12))

    def _later(self, at: datetime) -> datetime:
        """Return when a conversation goes on: after minutes, or some other day."""
        draw = self._random.random()
        pause = _PAUSE * draw if draw < _AT_ONE_SITTING else DAY * (0.6 + 3 * self._random.random())
        later = at + pause
        return later if later <= self._end else at + (self._end - at) * draw


_CONVERSATION = (
    *("id", "conversation_id", "title", "user_id", "billing_type"),
    *("message_count", "credits", "created_at", "updated_at"),
)
_CALL = ("id", "call_id", "api_key_id", "user_id", "credits", "created_at")
_IMPORT = ("id", "task_id", "import_type", "import_url", "user_id", "credits", "created_at")

_HOURS = list(
    accumulate([1, 1, 1, 1, 1, 2, 4, 9, 16, 20, 20, 17, 12, 16, 20, 19, 16, 11, 7, 6, 5, 4, 3, 2])
)
_WEEKDAYS = (1.0, 1.1, 1.15, 1.1, 0.9, 0.3, 0.25)
_LATE_FOR_TITLES = 100  # events before the end
_LATE_FOR_URLS = 400
_MORE_EVENTS = 1 / 4.5
_LONG_TURNS = 0.35
_FREE_OF_CHARGE = 0.01
_SAME_KIND = 0.6
_ILLUSTRATED = 0.25
_BRANDS = 0.2
_PROMPT = 0.995
_SOON = timedelta(seconds=3)
_LATE = timedelta(hours=3)
_AT_ONE_SITTING = 0.96
_PAUSE = timedelta(minutes=9)


def _hash(event_id: str) -> str:
    """Return what tells an event that is sent again from another; nobody sends these again."""
    return sha256(event_id.encode()).hexdigest()


def _days(start: datetime, end: datetime) -> list[calendar.Period]:
    """Return the days from `start` to `end`, of which the first and last are not whole."""
    days = []
    while start < end:
        next_start = min(calendar.midnight(start) + DAY, end)
        days.append(calendar.Period(start, next_start))
        start = next_start
    return days


def _apportion(random: Random, days: Sequence[calendar.Period], events: int) -> list[int]:
    """Return how many events each day has: ever more, fewer at weekends, `events` in all."""
    weights = [
        _WEEKDAYS[day.start.weekday()]
        * ((day.end - day.start) / DAY)
        * (0.6 + place / len(days))
        * (0.8 + 0.4 * random.random())
        for place, day in enumerate(days)
    ]
    heaviest = list(accumulate(weights))
    reached = [round(events * weight / heaviest[-1]) for weight in heaviest]
    return [upto - before for before, upto in zip([0, *reached], reached, strict=False)]
