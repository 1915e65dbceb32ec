"""One request to the API: who asks, whether the answer is known already, and what goes wrong."""

import asyncio
import hashlib
import json
import secrets
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox import clock, errors, expansion, faults, forms, store, webhooks
from sandbox.api import Endpoint
from sandbox.errors import Object, StripeError
from sandbox.store import Account

EXCHANGES_MAXIMUM = 20_000
KEY_LENGTH_MAXIMUM = 255


@dataclass
class Sandbox:
    """An account, its courier, the faults on order, and what was said to the API so far."""

    account: Account
    courier: webhooks.Courier
    faults: faults.Faults
    exchanges: deque[Object] = field(default_factory=lambda: deque(maxlen=EXCHANGES_MAXIMUM))
    said: int = 0


@dataclass
class Answer:
    """A status and a body; `executed` tells whether Stripe keeps it under the key."""

    status: int
    body: Object
    executed: bool = True
    replayed: bool = False
    lost: bool = False


class LostConnection(Response):
    """An answer of which only a part arrives before the connection ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise a long body, send a little of it, and stop."""
        del scope, receive
        headers = [(b"content-length", b"1000000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def answer(sandbox: Sandbox, endpoint: Endpoint, request: Request) -> Response:
    """Answer a request to an endpoint of the API."""
    number = f"req_{secrets.token_hex(8)}"
    encoded = (await request.body()).decode() if request.method == "POST" else request.url.query
    raw: Object = {}
    try:
        _authorize(request)
        raw = forms.decode(encoded)
        found = await _answer_once(sandbox, endpoint, request, raw, number)
    except StripeError as refusal:
        found = Answer(refusal.status, refusal.body, executed=refusal.executed)
    sandbox.said += 1
    sandbox.exchanges.append(
        {
            "number": sandbox.said,
            "method": request.method,
            "path": request.url.path,
            "params": raw,
            "idempotency_key": request.headers.get("idempotency-key"),
            "status": found.status,
            "replayed": found.replayed,
            "lost": found.lost,
            "response": found.body,
        }
    )
    return _respond(request, found, number)


def refuse(request: Request, refusal: StripeError) -> Response:
    """Answer a request that reached no endpoint."""
    found = Answer(refusal.status, refusal.body)
    return _respond(request, found, f"req_{secrets.token_hex(8)}")


def _respond(request: Request, found: Answer, number: str) -> Response:
    if found.lost:
        return LostConnection()
    headers = {"Request-Id": number, "Stripe-Version": store.API_VERSION}
    key = request.headers.get("idempotency-key")
    if key is not None and request.method == "POST":
        headers["Idempotency-Key"] = key
    if found.replayed:
        headers["Idempotent-Replayed"] = "true"
    body = json.dumps(found.body, indent=2)
    return Response(body, found.status, headers, media_type="application/json")


def _authorize(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    unauthorized = HTTPStatus.UNAUTHORIZED
    if scheme != "Bearer" or not key:
        message = "You did not provide an API key, as `Authorization: Bearer YOUR_SECRET_KEY`."
        raise StripeError(unauthorized, "invalid_request_error", message, executed=False)
    if not key.startswith("sk_test_"):
        message = f"Invalid API Key provided: {key[:8]}****. The sandbox takes sk_test_ keys."
        raise StripeError(unauthorized, "invalid_request_error", message, executed=False)
    version = request.headers.get("stripe-version", store.API_VERSION)
    if version != store.API_VERSION:
        message = f"The sandbox speaks API version {store.API_VERSION} only, not {version}."
        raise errors.invalid_request(message, executed=False)


async def _answer_once(
    sandbox: Sandbox, endpoint: Endpoint, request: Request, raw: Object, number: str
) -> Answer:
    """Answer a request, or give the answer that its idempotency key already has."""
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    answers = sandbox.account.answers
    if key is None:
        return await _answer_with_faults(sandbox, endpoint, request, raw, (number, key))
    if len(key) > KEY_LENGTH_MAXIMUM:
        raise errors.invalid_request("The idempotency key is too long.", executed=False)

    print_of = f"{request.method} {request.url.path} {json.dumps(raw, sort_keys=True)}"
    fingerprint = hashlib.sha256(print_of.encode()).hexdigest()
    if key in answers:
        return _replay(key, answers[key], fingerprint)
    answers[key] = {"fingerprint": fingerprint}
    found = None
    try:
        found = await _answer_with_faults(sandbox, endpoint, request, raw, (number, key))
    except StripeError as refusal:
        found = Answer(refusal.status, refusal.body, executed=refusal.executed)
    finally:
        if found is not None and found.executed:
            answers[key] |= {"status": found.status, "body": found.body}
        else:
            del answers[key]
    return found


def _replay(key: str, kept: Object, fingerprint: str) -> Answer:
    if kept["fingerprint"] != fingerprint:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were"
            f" first used with. Try using a key other than '{key}' if you meant to execute a"
            " different request."
        )
        raise errors.idempotency_error(message)
    if "status" not in kept:
        message = (
            "There is currently another in-progress request using this Idempotent Key (that"
            " probably means you submitted twice, and the other request is still going"
            f" through): {key}. Please try again later."
        )
        raise StripeError(
            HTTPStatus.CONFLICT,
            "invalid_request_error",
            message,
            code="idempotency_key_in_use",
            executed=False,
        )
    return Answer(kept["status"], kept["body"], replayed=True)


async def _answer_with_faults(
    sandbox: Sandbox,
    endpoint: Endpoint,
    request: Request,
    raw: Object,
    asked: tuple[str, str | None],
) -> Answer:
    fault = sandbox.faults.strike(request.method, request.url.path)
    kind = fault.kind if fault is not None else ""
    if fault is not None and kind == "slow":
        await asyncio.sleep(fault.seconds)
    if kind == "rate_limit":
        message = "Request rate limit exceeded. Learn more about rate limits."
        kept = StripeError(429, "invalid_request_error", message, code="rate_limit")
        return Answer(kept.status, kept.body, executed=False)
    if kind == "drop":
        return Answer(0, {}, executed=False, lost=True)
    if kind == "error":
        return _failure()
    async with sandbox.account.lock:
        found = _work(sandbox.account, endpoint, request, raw, asked)
    if kind == "error_after":
        return _failure()
    found.lost = kind == "drop_after"
    return found


def _failure() -> Answer:
    message = "An unknown error occurred. It was on order."
    return Answer(500, StripeError(500, "api_error", message).body)


def _work(
    account: Account,
    endpoint: Endpoint,
    request: Request,
    raw: Object,
    asked: tuple[str, str | None],
) -> Answer:
    """Do what an endpoint does; whatever happens by itself until now has happened before."""
    clock.catch_up(account)
    account.request = {"id": asked[0], "idempotency_key": asked[1]}
    try:
        params = forms.read(endpoint.shape, raw)
        expand = params.pop("expand", [])
        body = endpoint.work(account, params, **request.path_params)
        return Answer(200, expansion.expand(account, body, expand))
    except StripeError as refusal:
        return Answer(refusal.status, refusal.body, executed=refusal.executed)
    finally:
        account.request = {"id": None, "idempotency_key": None}
