"""What came of choosing a plan, as values; an idempotency key keeps them as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Switched:
    """The workspace is on the plan, since then."""

    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The workspace will be on the plan, from then on."""

    effective_at: datetime


@dataclass(frozen=True, slots=True)
class CheckoutRequired:
    """The plan is to be paid on a page."""

    url: str


@dataclass(frozen=True, slots=True)
class PaymentRequired:
    """The cardholder is to authenticate on a page until then; nothing has changed yet."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ConfirmationRequired:
    """The owner is to confirm what the switch would do: the quote says what."""

    quote_id: UUID


Outcome = Switched | Scheduled | CheckoutRequired | PaymentRequired | ConfirmationRequired


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as a JSON object."""
    said: dict[str, Any]
    match outcome:
        case Switched(effective_at) | Scheduled(effective_at):
            said = {"effective_at": effective_at.isoformat()}
        case CheckoutRequired(url):
            said = {"url": url}
        case PaymentRequired(url, expires_at):
            said = {"url": url, "expires_at": expires_at.isoformat()}
        case ConfirmationRequired(quote_id):
            said = {"quote_id": str(quote_id)}
    return {"outcome": type(outcome).__name__} | said


def parse(said: Mapping[str, Any]) -> Outcome:
    """Return the outcome that `to_json` has said."""
    match said["outcome"]:
        case "Switched":
            return Switched(datetime.fromisoformat(said["effective_at"]))
        case "Scheduled":
            return Scheduled(datetime.fromisoformat(said["effective_at"]))
        case "CheckoutRequired":
            return CheckoutRequired(said["url"])
        case "PaymentRequired":
            return PaymentRequired(said["url"], datetime.fromisoformat(said["expires_at"]))
        case name:
            assert name == "ConfirmationRequired", name
            return ConfirmationRequired(UUID(said["quote_id"]))
