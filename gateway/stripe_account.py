"""Stripe as the settings have it."""

from typing import Final

from billing import idempotency
from billing.clock import shared_time
from gateway.settings import Settings
from gateway.stripe_client import StripePayments
from gateway.stripe_history import StripeHistory
from gateway.stripe_transport import Stripe
from gateway.worker import Provider
from models.database import Database

OPERATION_SHARE: Final = 0.8
"""How much of an operation's time asking Stripe may take: the rest is to say that it did."""


def connect(settings: Settings) -> Stripe | None:
    """Return the account that the settings name, if they do; who asks for it closes it."""
    if settings.stripe_secret_key is None:
        return None
    return Stripe(
        settings.stripe_secret_key.get_secret_value(),
        api_base=settings.stripe_api_base,
        timeout_seconds=settings.stripe_timeout_seconds,
    )


def payments(account: Stripe | None, database: Database) -> StripePayments | None:
    """Return the calls of the account, if there is one, whose objects a database mirrors."""
    return None if account is None else StripePayments(account, time=shared_time(database))


def provider(settings: Settings, account: Stripe | None, database: Database) -> Provider | None:
    """Return the account as a worker on a database sees it."""
    calls = payments(account, database)
    if account is None or calls is None:
        return None
    return Provider(
        payments=calls,
        history=StripeHistory(account),
        is_live=settings.is_live,
    )


def operation_seconds(settings: Settings) -> float:
    """Return how long an operation asks Stripe: less than it has, and than its key is held."""
    lease_seconds = idempotency.LEASE.total_seconds()
    return OPERATION_SHARE * min(settings.operation_timeout_seconds, lease_seconds)


def webhook_secrets(settings: Settings) -> list[str]:
    """Return the secrets that may have signed an event."""
    if settings.stripe_webhook_secret is None:
        return []
    given = settings.stripe_webhook_secret.get_secret_value().split(",")
    return [secret for secret in map(str.strip, given) if secret]
