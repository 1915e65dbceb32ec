"""A receiver of webhooks as it is written first: what chaos must be able to see.

It knows an event by its id and by nothing else, believes what the event says, and grants at once
what that is worth. Of all that is sold it knows packs: enough to lose credits.
"""

from typing import Any
from unittest import mock
from uuid import UUID

import orjson
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from billing import events, ledger
from billing.details import Purchase
from billing.entries import Grant
from gateway import app, stripe_objects, webhooks
from models.ledger import AdjustmentType, LotKind
from tests.lifecycle import catalogue


class Receiver(webhooks.Receiver):
    """The endpoint."""

    async def receive(self, request: Request) -> Response:
        """Note an event, and grant what it says was paid unless it was noted before."""
        told = orjson.loads(await request.body())
        event = stripe_objects.event(told)
        async with self._database.write() as session:
            is_new = await events.store(session, event, expects_live=False, at=self._clock.real())
            await session.execute(_NOTED, {"id": event.event_id})
        if is_new and event.type in _PAID:
            await self._grant(event.event_id, told["data"]["object"])
        return JSONResponse({"received": True})

    async def _grant(self, event_id: str, page: Any) -> None:
        packs, remainder = divmod(page["amount_total"], catalogue.PACK_PRICE)
        if page["mode"] != "payment" or page["payment_status"] != "paid" or remainder:
            return
        grant = Grant(
            source_key=f"event:{event_id}",
            type=AdjustmentType.CREDIT_PACKAGE_PURCHASE,
            credits=packs * catalogue.PACK_CREDITS,
            kind=LotKind.PURCHASED,
            detail=Purchase(packs, page["amount_total"], "USD", None, None),
        )
        async with self._database.write() as session:
            await ledger.grant(
                session,
                workspace_id=UUID(page["metadata"]["workspace_id"]),
                grant=grant,
                now=self._clock.now(),
            )


def receives() -> None:
    """Put it in the place of ours, in this process."""
    mock.patch.object(app, "Receiver", Receiver).start()


_PAID = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
_NOTED = text("UPDATE stripe_events SET status = 'DONE' WHERE id = :id")
