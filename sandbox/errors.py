"""Stripe's errors, as its API words them.

StripeError
  built by
    invalid_request     400  a parameter that cannot be right
    missing_resource    404  an id that names nothing
    card_error          402  a payment that did not go through
    idempotency_error   400  a key that comes back with other parameters
"""

from typing import Any

Object = dict[str, Any]


class StripeError(Exception):
    """An answer that is not a success: its status and the fields of its `error` object."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        executed: bool = True,
        **fields: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.executed = executed
        self.body: Object = {"error": {"type": kind, "message": message, **fields}}
        for name, value in (("code", code), ("param", param)):
            if value is not None:
                self.body["error"][name] = value
        if code is not None:
            self.body["error"]["doc_url"] = (
                f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
            )


def invalid_request(
    message: str, *, param: str | None = None, code: str | None = None, executed: bool = True
) -> StripeError:
    """Return a 400; `executed=False` when the request did not get past its parameters."""
    return StripeError(
        400, "invalid_request_error", message, code=code, param=param, executed=executed
    )


def missing_resource(noun: str, name: str, *, param: str = "id") -> StripeError:
    """Return the 404 of an id that names nothing."""
    message = f"No such {noun}: '{name}'"
    return StripeError(404, "invalid_request_error", message, code="resource_missing", param=param)


def card_error(message: str, *, code: str, **fields: Any) -> StripeError:
    """Return the 402 of a payment that did not go through."""
    return StripeError(402, "card_error", message, code=code, **fields)


def idempotency_error(message: str) -> StripeError:
    """Return the 400 of a key that comes back with other parameters."""
    return StripeError(400, "idempotency_error", message, executed=False)
