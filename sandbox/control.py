"""What tests and people tell the sandbox, under /_sandbox/: it is no part of Stripe's API."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Literal, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox import (
    cards,
    clock,
    disputes,
    errors,
    faults,
    portal_acts,
    refunds,
    settlement,
    store,
    truth,
    webhooks,
)
from sandbox.errors import Object, StripeError
from sandbox.exchange import Sandbox

IDLE_SECONDS = 30.0
EXCHANGES_PAGE = 500

_VERDICTS: dict[str, Literal["won", "lost"]] = {"win": "won", "lose": "lost"}

Act = Callable[[Sandbox, Object, Object], Awaitable[Object]]


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes of the control API."""
    acts: tuple[tuple[str, str, Act], ...] = (
        ("POST", "reset", _reset),
        ("POST", "idle", _idle),
        ("GET", "clock", _clock),
        ("POST", "clock", _move_clock),
        ("POST", "faults", _order_fault),
        ("DELETE", "faults", _clear_faults),
        ("GET", "webhooks", _webhooks),
        ("POST", "webhooks", _behave),
        ("POST", "webhooks/flush", _flush),
        ("POST", "refunds/{refund}/{outcome}", _end_refund),
        ("POST", "payments/{payment}/dispute", _dispute),
        ("POST", "disputes/{dispute}/{outcome}", _end_dispute),
        ("POST", "payments/{payment}/{outcome}", _settle),
        ("POST", "customers/{customer}/card", _change_card),
        ("GET", "truth", _truth),
        ("GET", "exchanges", _exchanges),
    )
    return [
        Route(f"/_sandbox/{path}", _endpoint(sandbox, act), methods=[method])
        for method, path, act in acts
    ]


def _endpoint(sandbox: Sandbox, act: Act) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def endpoint(request: Request) -> JSONResponse:
        given: Object = dict(request.query_params)
        if await request.body():
            given |= await request.json()
        try:
            return JSONResponse(await act(sandbox, given, request.path_params))
        except StripeError as refusal:
            return JSONResponse(refusal.body, refusal.status)
        except (KeyError, TypeError, ValueError) as mistake:
            return JSONResponse({"error": {"message": repr(mistake)}}, 400)

    return endpoint


async def _reset(sandbox: Sandbox, given: Object, path: Object) -> Object:
    """Forget everything but the webhook endpoints, and let everything work."""
    del given, path
    account = sandbox.account
    async with account.lock:
        await sandbox.courier.forget()
        sandbox.faults.begin_anew()
        sandbox.exchanges.clear()
        endpoints = dict(store.table(account, "webhook_endpoint"))
        hidden = {name: store.secret(account, name) for name in endpoints}
        store.reset(account)
        account.tables["webhook_endpoint"] = endpoints
        account.private.update(hidden)
        account.number = len(endpoints)
    return {}


async def _idle(sandbox: Sandbox, given: Object, path: Object) -> Object:
    """Wait until every webhook that is not held has arrived or been given up."""
    del path
    seconds = float(given.get("timeout_seconds", IDLE_SECONDS))
    try:
        async with asyncio.timeout(seconds):
            await sandbox.courier.idle.wait()
    except TimeoutError:
        message = f"Webhooks are still on their way after {seconds} seconds."
        raise StripeError(504, "api_error", message) from None
    return await _webhooks(sandbox, {}, {})


async def _clock(sandbox: Sandbox, given: Object, path: Object) -> Object:
    del given, path
    account = sandbox.account
    return {
        "now": account.now(),
        "offset_seconds": account.offset_seconds,
        "frozen": account.frozen_at is not None,
    }


async def _move_clock(sandbox: Sandbox, given: Object, path: Object) -> Object:
    """Move the time to `at`, or ahead by `seconds`; stop it or let it flow with `frozen`."""
    account = sandbox.account
    async with account.lock:
        if "frozen" in given:
            clock.freeze(account, frozen=bool(given["frozen"]))
        at = given.get("at", account.now() + given.get("seconds", 0))
        if at < account.now() and account.jobs:
            raise errors.invalid_request("Something is due: the time only moves ahead.")
        if at != account.now():
            clock.move(account, at)
    return await _clock(sandbox, {}, path)


async def _order_fault(sandbox: Sandbox, given: Object, path: Object) -> Object:
    del path
    fault = faults.Fault(**given)
    if fault.kind not in get_args(faults.Kind):
        raise errors.invalid_request(f"Unknown kind of fault: {fault.kind}")
    sandbox.faults.order(fault)
    return asdict(fault)


async def _clear_faults(sandbox: Sandbox, given: Object, path: Object) -> Object:
    del given, path
    sandbox.faults.clear()
    return {"struck": sandbox.faults.struck}


async def _webhooks(sandbox: Sandbox, given: Object, path: Object) -> Object:
    del given, path
    courier = sandbox.courier
    return {
        "chaos": asdict(courier.chaos),
        "counts": courier.counts,
        "held": len(courier.held),
        "outstanding": courier.outstanding,
    }


async def _behave(sandbox: Sandbox, given: Object, path: Object) -> Object:
    """Set the chaos of deliveries; what is not given works as usual."""
    sandbox.courier.behave(webhooks.Chaos(**given))
    return await _webhooks(sandbox, {}, path)


async def _flush(sandbox: Sandbox, given: Object, path: Object) -> Object:
    del given, path
    return {"released": sandbox.courier.flush()}


async def _end_refund(sandbox: Sandbox, given: Object, path: Object) -> Object:
    del given
    account = sandbox.account
    acts = {"fail": refunds.fail, "succeed": refunds.succeed}
    async with account.lock:
        refund = store.get(account, "refund", path["refund"])
        acts[path["outcome"]](account, refund)
    return refund


async def _dispute(sandbox: Sandbox, given: Object, path: Object) -> Object:
    """Dispute a charge, or the latest charge of a payment intent."""
    del given
    account = sandbox.account
    async with account.lock:
        payment = store.find(account, path["payment"])
        name = payment["latest_charge"] if payment and "latest_charge" in payment else None
        charge = store.get(account, "charge", name or path["payment"])
        return disputes.open_dispute(account, charge)


async def _end_dispute(sandbox: Sandbox, given: Object, path: Object) -> Object:
    del given
    account = sandbox.account
    async with account.lock:
        dispute = store.get(account, "dispute", path["dispute"])
        disputes.close(account, dispute, _VERDICTS[path["outcome"]])
    return dispute


async def _settle(sandbox: Sandbox, given: Object, path: Object) -> Object:
    """End a payment that takes days, named by its session or its payment intent."""
    del given
    account = sandbox.account
    succeeds = {"succeed": True, "fail": False}[path["outcome"]]
    async with account.lock:
        name = path["payment"]
        session = store.table(account, "checkout.session").get(name)
        if session is not None:
            invoice = session["invoice"]
            hidden = store.secret(account, invoice or "").get("intent")
            name = session["payment_intent"] or hidden or name
        intent = store.get(account, "payment_intent", name)
        settlement.settle(account, intent, succeeds=succeeds)
    return intent


async def _change_card(sandbox: Sandbox, given: Object, path: Object) -> Object:
    """Give a customer another card, as the portal does."""
    account = sandbox.account
    async with account.lock:
        customer = store.get(account, "customer", path["customer"])
        if not cards.is_card(given["number"]):
            raise errors.invalid_request("This is no test card.", param="number")
        return portal_acts.change_card(account, customer, given["number"])


async def _truth(sandbox: Sandbox, given: Object, path: Object) -> Object:
    del given, path
    return truth.tell(sandbox.account)


async def _exchanges(sandbox: Sandbox, given: Object, path: Object) -> Object:
    """Return what was said to the API after a number, a page at a time."""
    del path
    after = int(given.get("after", 0))
    later: Any = (row for row in sandbox.exchanges if row["number"] > after)
    rows = list(itertools.islice(later, EXCHANGES_PAGE))
    return {"exchanges": rows, "last": sandbox.said}
