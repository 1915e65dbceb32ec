"""The operator's catalogue: what its file says is sold, and every mistake in it by its line."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from billing import toml_lines
from billing.toml_lines import Path
from models.base import CREDITS_MAX
from models.plan import BillingCycle, PlanKind

INT_MAX: Final = 2**31 - 1
MONTHS_MAX: Final = 120
NAME_LENGTH_MAX: Final = 250
TEXT_LENGTH_MAX: Final = 5_000
GRACE_HOURS_MAX: Final = 24 * 28
PAYMENT_MINOR_MAX: Final = 99_999_999
"""The most that is paid at once, in minor units: what the payment provider takes."""


def _printable(text: str) -> str:
    if not text.strip() or _CONTROL.search(text):
        raise ValueError("must be text, without control characters")
    return text


def _capitals(word: Any) -> Any:
    return word.upper() if isinstance(word, str) else word


_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

Whole = Annotated[int, Field(strict=True, ge=0, le=CREDITS_MAX)]
AtLeastOne = Annotated[int, Field(strict=True, ge=1, le=CREDITS_MAX)]
SmallWhole = Annotated[int, Field(strict=True, ge=0, le=INT_MAX)]
Price = Annotated[int, Field(strict=True, ge=1, le=PAYMENT_MINOR_MAX)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Name = Annotated[str, Field(max_length=NAME_LENGTH_MAX), AfterValidator(_printable)]
Text = Annotated[str, Field(max_length=TEXT_LENGTH_MAX), AfterValidator(_printable)]
Cycle = Annotated[BillingCycle, BeforeValidator(_capitals)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlanEntry(_Entry):
    """A plan; `prices` are minor units by billing cycle."""

    id: Word
    name: Name
    description: Text
    rank: SmallWhole
    kind: PlanKind
    features: tuple[Text, ...] = ()
    credits_per_refresh: Whole
    refreshes: bool = True
    period_months: Annotated[int, Field(strict=True, ge=1, le=MONTHS_MAX)] | None = None
    prices: dict[Cycle, Price] = Field(default_factory=dict)


class PackEntry(_Entry):
    """The credit pack that is sold; credits and price are of one pack."""

    id: Word
    name: Name
    credits: AtLeastOne
    price: Price
    quantity_max: Annotated[int, Field(strict=True, ge=1, le=INT_MAX)]


class Referrals(_Entry):
    """What a referral earns whoever referred, and the newcomer; 0 is nothing."""

    signup: Whole = 0
    first_paid_plan: Whole = 0
    newcomer_signup: Whole = 0
    newcomer_first_paid_plan: Whole = 0


class Catalogue(_Entry):
    """All that is sold, in one currency (ISO 4217)."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    renewal_grace_hours: Annotated[int, Field(strict=True, ge=0, le=GRACE_HOURS_MAX)] = 24
    plans: tuple[PlanEntry, ...]
    credit_pack: PackEntry | None = None
    referrals: Referrals = Referrals()

    @property
    def renewal_grace(self) -> timedelta:
        """How long a package outlives its period, so that a renewal may come late."""
        return timedelta(hours=self.renewal_grace_hours)

    def plan(self, plan_id: str) -> PlanEntry:
        """Return the plan of that id."""
        return next(plan for plan in self.plans if plan.id == plan_id)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and the line where it is; `where` is such as `plans[2].rank`."""

    line: int
    where: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.line}: {self.where}: {self.message}"
            if self.where
            else f"{self.line}: {self.message}"
        )


class CatalogueInvalid(ValueError):
    """A catalogue that cannot be used: every mistake in it, in the order of its lines."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda mistake: (mistake.line, mistake.where))
        super().__init__("\n".join(map(str, self.mistakes)))


def parse(text: str) -> Catalogue:
    """Return the catalogue that a TOML text says. Raises CatalogueInvalid."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueInvalid([_unreadable(text, error)]) from None
    try:
        catalogue = Catalogue.model_validate(written)
    except ValidationError as error:
        found = [_located(text, *_explained(detail)) for detail in error.errors()]
        raise CatalogueInvalid(found) from None

    contradictions = [_located(text, path, message) for path, message in _contradictions(catalogue)]
    if contradictions:
        raise CatalogueInvalid(contradictions)
    return catalogue


def _unreadable(text: str, error: tomllib.TOMLDecodeError) -> Mistake:
    """Return where the text is no TOML: the parser says so at the end of its message."""
    message, _, place = str(error).rpartition(" (at ")
    line = re.match(r"line (\d+)", place)
    number = int(line[1]) if line else max(1, len(text.splitlines()))
    return Mistake(number, "", message or str(error))


def _located(text: str, path: Path, message: str) -> Mistake:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return Mistake(toml_lines.line_of(text, path), where.removeprefix("."), message)


def _explained(detail: ErrorDetails) -> tuple[Path, str]:
    """Return where a value does not fit and why, in the words of the file."""
    path = tuple(part for part in detail["loc"] if part != "[key]")
    message = detail["msg"].removeprefix("Value error, ")
    match detail["type"]:
        case "missing":
            return path[:-1], f"`{path[-1]}` is missing"
        case "extra_forbidden":
            return path, "unknown" + _suggested(path)
        case "string_pattern_mismatch":
            return path, _PATTERNS.get(str(path[-1]), message)
        case "value_error":
            return path, message
        case "enum" if path != detail["loc"]:
            # A key: billing cycles are written small.
            return path, message.lower()
    return path, message[0].lower() + message[1:]


def _suggested(path: Path) -> str:
    entry = _ENTRIES[str(path[0])] if len(path) > 1 else Catalogue
    close = difflib.get_close_matches(str(path[-1]), list(entry.model_fields), n=1)
    return f", did you mean `{close[0]}`?" if close else ""


_ENTRIES: Final[dict[str, type[_Entry]]] = {
    "plans": PlanEntry,
    "credit_pack": PackEntry,
    "referrals": Referrals,
}
_PATTERNS: Final = {
    "currency": "must be three capitals, such as USD",
    "id": "must be 1 to 63 small letters, digits and hyphens, a letter first",
}

_Contradictions = Iterator[tuple[Path, str]]


def _contradictions(catalogue: Catalogue) -> _Contradictions:
    """Yield what no entry shows by itself: entries that do not go together."""
    for name in ("id", "rank"):
        first: dict[Any, int] = {}
        for index, plan in enumerate(catalogue.plans):
            value = getattr(plan, name)
            if value in first:
                yield ("plans", index, name), f"is that of plans[{first[value]}] too"
            first.setdefault(value, index)
    free = [index for index, plan in enumerate(catalogue.plans) if plan.kind is PlanKind.FREE]
    if not free:
        yield ("plans",), "one plan must be FREE: every workspace begins on it"
    for index in free[1:]:
        yield ("plans", index, "kind"), f"plans[{free[0]}] is FREE already"
    for index, plan in enumerate(catalogue.plans):
        for path, message in _contradictions_of(plan):
            yield ("plans", index, *path), message
    if catalogue.credit_pack is not None:
        yield from _too_many(catalogue.credit_pack)


def _too_many(pack: PackEntry) -> _Contradictions:
    path = ("credit_pack", "quantity_max")
    if pack.price * pack.quantity_max > PAYMENT_MINOR_MAX:
        yield path, f"so many cost more than the largest payment, {PAYMENT_MINOR_MAX} minor units"
    if pack.credits * pack.quantity_max > CREDITS_MAX:
        yield path, "so many hold more credits than can be kept"


def _contradictions_of(plan: PlanEntry) -> _Contradictions:
    allowed = _CYCLES[plan.kind]
    for cycle in plan.prices:
        if cycle not in allowed:
            yield ("prices", cycle.lower()), f"a {plan.kind} plan has no {cycle.lower()} price"
    if allowed and not plan.prices.keys() & allowed:
        names = " or ".join(cycle.lower() for cycle in BillingCycle if cycle in allowed)
        yield ("prices",), f"a {plan.kind} plan needs a {names} price"
    is_one_time = plan.kind is PlanKind.ONE_TIME
    if is_one_time and plan.period_months is None:
        yield (), "a ONE_TIME plan needs `period_months`"
    if not is_one_time and plan.period_months is not None:
        yield ("period_months",), f"a {plan.kind} plan has none: only a ONE_TIME plan ends"


_CYCLES: Final = {
    PlanKind.FREE: frozenset[BillingCycle](),
    PlanKind.RECURRING: frozenset({BillingCycle.MONTHLY, BillingCycle.YEARLY}),
    PlanKind.ONE_TIME: frozenset({BillingCycle.ONE_TIME}),
}
