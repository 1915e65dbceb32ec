"""The workspaces of the demo, and what is told of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from billing import calendar
from billing.catalog_file import Catalogue
from billing.demonstration import cast, ids, words
from billing.demonstration.cast import Person
from billing.demonstration.story import Story
from billing.demonstration.traffic import DAY, Film, Key, Mix, Traffic
from models.plan import BillingCycle

_MIX = Mix()
_MORNING = timedelta(hours=9, minutes=12)
_CAFE_EVENTS_MAX = 1_500
_SHOP_EVENTS_MAX = 450
_ATELIER_EVENTS_MAX = 80


@dataclass(frozen=True, slots=True)
class Plot:
    """Everybody, and the workspaces, the busiest first."""

    everybody: list[Person]
    stories: list[Story]


def plot(catalogue: Catalogue, *, rows: int, seed: int, now: datetime) -> Plot:
    """Return what is to be told, with `rows` usage events in all, the last of them just now."""
    then = calendar.midnight(calendar.add_months(now, -3)) + _MORNING
    narrator = _Narrator(catalogue, seed, now)
    studio = narrator.story("Northwind Studio", "northwind", created_at=then - 12 * DAY)
    cafe = narrator.story("Café Lumière", "lumiere", created_at=then - 5 * DAY, referrer=studio)
    shop = narrator.story("田中商店", "tanaka", created_at=then + 10 * DAY)
    atelier = narrator.story(
        "Atelier Munk & Søn", "munk", created_at=then + 21 * DAY, referrer=studio
    )
    blank = narrator.story("Untitled workspace", "untitled", created_at=now - timedelta(hours=2))

    cafe_events = min(rows // 5, _CAFE_EVENTS_MAX)
    shop_events = min(rows // 14, _SHOP_EVENTS_MAX)
    atelier_events = min(rows // 30, _ATELIER_EVENTS_MAX)
    narrator.tell_cafe(cafe, cafe_events)
    narrator.tell_shop(shop, shop_events)
    narrator.tell_atelier(atelier, atelier_events)
    narrator.tell_studio(
        studio, rows - cafe_events - shop_events - atelier_events, newcomers=[cafe, atelier]
    )
    # The empty one was granted nothing either, so that every list shows what it says of nothing.
    blank.hold("free", start=blank.created_at)
    blank.members = narrator.members(blank, others=0)
    return Plot(narrator.everybody, [studio, cafe, shop, atelier, blank])


class _Narrator:
    """Tells the stories; each has a source of chance of its own, and so its own past."""

    def __init__(self, catalogue: Catalogue, seed: int, now: datetime) -> None:
        self._catalogue = catalogue
        self._seed = seed
        self._now = now
        self.everybody = cast.people(self._random("people"), at=calendar.add_months(now, -6))

    def story(
        self, name: str, slug: str, *, created_at: datetime, referrer: Story | None = None
    ) -> Story:
        """Return a workspace of which nothing is told yet; the host knows it as `demo-{slug}`."""
        return Story(
            self._random(name),
            self._catalogue,
            name=name,
            external_id=f"demo-{slug}",
            created_at=created_at,
            referred_by=referrer.id if referrer else None,
        )

    def members(self, story: Story, *, others: int) -> Sequence[cast.Member]:
        """Return the members of the workspace, so many beside the three leading ones."""
        return cast.members(
            self._random(f"{story.name}: members"),
            self.everybody,
            others=others,
            created_at=story.created_at,
            now=self._now,
        )

    def tell_studio(self, story: Story, events: int, *, newcomers: Sequence[Story]) -> None:
        """Team, monthly: it began on Free, went from Pro to Team, and buys what it lacks."""
        paid = story.created_at + 1.1 * DAY
        switched = paid + 40.2 * DAY
        story.hold("free", start=story.created_at, end=paid)
        story.hold("pro", BillingCycle.MONTHLY, start=paid, switch=(switched, "team"))
        self._let_use(
            story,
            events,
            others=11,
            odd_titles=words.ODD_TITLES,
            odd_urls=words.ODD_URLS,
        )
        story.threads += [
            *map(story.rewards, newcomers),
            story.purchase_with_refund(paid + 20 * DAY, 3, refunded=2),
            story.adjust(paid + 30 * DAY, 500, "Thank you for the interview"),
            story.adjust(paid + 52 * DAY, -120, "Correction: a reward was counted twice"),
            story.top_ups(start=paid, until=self._now),
        ]

    def tell_cafe(self, story: Story, events: int) -> None:
        """Team, yearly; at the end of the year it goes on with Pro."""
        paid = story.created_at + 0.9 * DAY
        story.hold("free", start=story.created_at, end=paid)
        pending = ("pro", BillingCycle.YEARLY)
        story.hold("team", BillingCycle.YEARLY, start=paid, pending=pending)
        self._let_use(story, events, others=6)

    def tell_shop(self, story: Story, events: int) -> None:
        """Launch Pass: paid once, for three months."""
        paid = story.created_at + 1.3 * DAY
        story.hold("free", start=story.created_at, end=paid)
        story.hold("launch-pass", BillingCycle.ONE_TIME, start=paid)
        self._let_use(story, events, others=3)

    def tell_atelier(self, story: Story, events: int) -> None:
        """Free: a film cost more than there was; what was given has expired, not booked yet."""
        story.hold("free", start=story.created_at)
        film = Film(story.created_at + 38 * DAY, "Teaser: our first film", 480)
        self._let_use(
            story,
            events,
            others=2,
            until=self._now - timedelta(hours=6),
            mix=Mix(calls=0.1, imports=0.04, images=0, videos=0),
            films=[film],
        )
        expired_at = self._now - timedelta(hours=3)
        story.threads += [
            story.adjust(film.at + 3 * DAY, 400, "Goodwill for your first film"),
            story.adjust(self._now - 5 * DAY, 150, "To try pictures", expires_at=expired_at),
        ]

    def _let_use(
        self,
        story: Story,
        events: int,
        *,
        others: int,
        until: datetime | None = None,
        mix: Mix = _MIX,
        films: Sequence[Film] = (),
        odd_titles: Sequence[str] = (),
        odd_urls: Sequence[str] = (),
    ) -> None:
        """Give the workspace people, keys, its packages and its usage."""
        story.members = self.members(story, others=others)
        story.keys = self._keys(story)
        story.packages()
        story.traffic = Traffic(
            self._random(f"{story.name}: usage"),
            members=story.members,
            keys=story.keys,
            mix=mix,
            events=events - len(films),
            start=story.created_at,
            end=until or self._now,
            films=films,
            odd_titles=odd_titles,
            odd_urls=odd_urls,
        )

    def _keys(self, story: Story) -> list[Key]:
        random = self._random(f"{story.name}: keys")
        keys = []
        for place, name in enumerate(words.API_KEY_NAMES):
            created_at = story.created_at + timedelta(minutes=7 * place)
            is_revoked = name == words.API_KEY_NAMES[-1]
            revoked_at = self._now - 20 * DAY if is_revoked else None
            keys.append(Key(ids.at(random, created_at), name, created_at, revoked_at))
        return keys

    def _random(self, purpose: str) -> Random:
        return Random(f"{self._seed}: {purpose}")  # noqa: S311 - a story, not a secret
