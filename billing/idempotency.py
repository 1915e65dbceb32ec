"""The keys of mutations: what is asked twice under one key is done once and answered alike.

A key belongs to a workspace, an actor and a mutation. Only an answer that was committed is kept,
in the transaction of its effect and for `KEPT`: a refusal leaves the key free. The same key with
another input is refused. Who comes while the first is at work waits for its answer.

A mutation that is one transaction does its work inside `once`:

    async with database.write() as session:
        answer = await idempotency.once(session, request=request, work=work, now=now)

A mutation that calls somebody over the network, which no transaction may, does it in `across`:

    async def work(claim: Claim) -> Answer:
        if "checkout_id" not in claim.progress:
            async with database.write() as session:
                checkout_id = await checkouts.add(session, workspace_id=workspace_id, now=now)
                await idempotency.keep(session, claim, {"checkout_id": str(checkout_id)})
        key = claim.provider_key("open checkout")
        state = await payments.open_checkout(wanted, idempotency_key=key)
        async with database.write() as session:
            await settlement.checkout(session, state, now=now)
            return await idempotency.settle(session, claim, {"checkout_id": ..., "url": ...})

    answer = await idempotency.across(database, request=request, work=work, now=now)

If that dies anywhere, who asks again with the key goes on from `progress`, and calls with the same
provider key: the provider answers again what it answered then. A provider also keeps a failure of
its own under its key; `retry` gives new ones, and may be called only after a look at the provider
has proven that nothing happened.
Where the work ends in a refusal, or without `settle`, the claim is forgotten: the next request
with the key begins anew, with provider keys of its own. PaymentsUnavailable is no such end.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import and_, delete, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from billing import rows
from billing.errors import (
    BillingError,
    IdempotencyKeyInUse,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    PaymentsUnavailable,
    WorkspaceNotFound,
)
from models.base import new_id
from models.database import Database
from models.subscription import IdempotencyKey

KEPT = timedelta(days=30)
"""How long an answer is kept."""

LEASE = timedelta(seconds=30)
"""How long whoever works on a key has it to themselves: longer than an operation may take."""

WAIT_SECONDS = 5.0
"""How long a request waits for another one with its key."""

KEY_LENGTH_MAX = 255
"""The most characters of a key."""

Answer = dict[str, Any]
"""What a mutation's payload is made from, now and whenever it is asked again: a JSON object."""


class ClaimLost(Exception):
    """The lease ran out, and somebody else has taken the work on: nothing may be committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A mutation asked for under a key; `input_hash` tells another input from the same."""

    workspace_id: UUID
    actor: str
    mutation: str
    key: str
    input_hash: str


@dataclass(slots=True, kw_only=True, eq=False)
class Claim:
    """The work on a request, held for as long as the lease; `progress` is what is committed."""

    request: Request
    claim_id: UUID
    lease_token: UUID
    attempt: int
    progress: Answer
    is_settled: bool = False

    def provider_key(self, step: str) -> str:
        """Return the idempotency key for a step's call: the same whoever goes on with the work."""
        return hashlib.sha256(f"{self.claim_id}:{step}:{self.attempt}".encode()).hexdigest()


def request(
    *, workspace_id: UUID, actor: str, mutation: str, key: str, asked: Mapping[str, Any]
) -> Request:
    """Return the request for `asked`, the input without its key. Raises IdempotencyKeyInvalid."""
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyInvalid(maximum=KEY_LENGTH_MAX)
    canonical = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    return Request(
        workspace_id=workspace_id,
        actor=actor,
        mutation=mutation,
        key=key,
        input_hash=hashlib.sha256(canonical).hexdigest(),
    )


async def once(
    session: AsyncSession,
    *,
    request: Request,
    work: Callable[[Claim], Awaitable[Answer]],
    now: datetime,
) -> Answer:
    """Do the work in this transaction, or return the answer that it was given before.

    A request with the same key waits until this transaction ends. Raises what the work raises,
    IdempotencyKeyReused and WorkspaceNotFound.
    """
    claim = await _claim(session, request, now=now)
    if isinstance(claim, dict):
        return claim
    assert claim is not None, "work in one transaction is never seen half done"
    return await settle(session, claim, await work(claim))


async def across(
    database: Database,
    *,
    request: Request,
    work: Callable[[Claim], Awaitable[Answer]],
    now: datetime,
) -> Answer:
    """Do the work, which has transactions of its own, or return the answer that it was given.

    Raises what the work raises, IdempotencyKeyReused, IdempotencyKeyInUse and WorkspaceNotFound.
    """
    started = time.monotonic()
    while True:
        waited_seconds = time.monotonic() - started
        async with database.write() as session:
            claim = await _claim(session, request, now=now + timedelta(seconds=waited_seconds))
        if isinstance(claim, dict):
            return claim
        if claim is None:
            if waited_seconds >= WAIT_SECONDS:
                raise IdempotencyKeyInUse
            await asyncio.sleep(_POLL_SECONDS)
            continue
        try:
            return await _worked(database, claim, work)
        except ClaimLost:
            continue


async def keep(session: AsyncSession, claim: Claim, progress: Answer) -> None:
    """Keep how far the work has come, in the transaction that brings it there. Raises ClaimLost."""
    await _change(session, claim, progress=progress)
    claim.progress = progress


async def retry(session: AsyncSession, claim: Claim) -> None:
    """Let the next calls have new provider keys: it is proven that the last had no effect.

    Raises ClaimLost.
    """
    await _change(session, claim, attempt=claim.attempt + 1)
    claim.attempt += 1


async def settle(session: AsyncSession, claim: Claim, answer: Answer) -> Answer:
    """Keep the answer, in the transaction of its effect, and return it as it will be read again.

    Raises ClaimLost.
    """
    await _change(session, claim, answer=answer, lease_token=None, leased_until=None)
    claim.is_settled = True
    return dict(orjson.loads(orjson.dumps(answer)))


async def forget(session: AsyncSession, *, now: datetime) -> int:
    """Delete the keys of all workspaces that need not be kept any more; return how many."""
    gone = await session.scalars(
        delete(_KEYS).where(_C.created_at <= now - KEPT).returning(_C.claim_id)
    )
    return len(gone.all())


_POLL_SECONDS: Final = 0.05
_KEY: Final = re.compile(f"[ -~]{{1,{KEY_LENGTH_MAX}}}")
_FOREIGN_KEY_VIOLATION: Final = "23503"

_KEYS = rows.table(IdempotencyKey)
_C = _KEYS.c


async def _claim(
    session: AsyncSession, request: Request, *, now: datetime
) -> Claim | Answer | None:
    """Return the work to do, the answer that it was given, or None while somebody is at it.

    A transaction that is adding the key, or working on it, is waited for.
    """
    while True:
        claim = Claim(
            request=request, claim_id=new_id(), lease_token=new_id(), attempt=1, progress={}
        )
        if await _added(session, claim, now=now):
            return claim
        found = (await session.execute(_FIND.where(_is_of(request)))).one_or_none()
        if found is None:
            continue
        if found.created_at <= now - KEPT:
            await session.execute(delete(_KEYS).where(_is_of(request)))
            continue
        if found.input_hash != request.input_hash:
            raise IdempotencyKeyReused
        if found.answer is not None:
            return dict(found.answer)
        if found.leased_until is not None and found.leased_until > now:
            return None

        claim.claim_id, claim.attempt = found.claim_id, found.attempt
        claim.progress = dict(found.progress)
        taken = {"lease_token": claim.lease_token, "leased_until": now + LEASE}
        await session.execute(update(_KEYS).where(_is_of(request)).values(taken))
        return claim


async def _added(session: AsyncSession, claim: Claim, *, now: datetime) -> bool:
    """Add the key, unless it is there."""
    request = claim.request
    adding = insert(_KEYS).values(
        workspace_id=request.workspace_id,
        actor=request.actor,
        mutation=request.mutation,
        key=request.key,
        input_hash=request.input_hash,
        claim_id=claim.claim_id,
        attempt=claim.attempt,
        progress=claim.progress,
        lease_token=claim.lease_token,
        leased_until=now + LEASE,
        answer=null(),
        created_at=now,
    )
    try:
        added = await session.execute(adding.on_conflict_do_nothing().returning(_C.claim_id))
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != _FOREIGN_KEY_VIOLATION:
            raise
        raise WorkspaceNotFound(request.workspace_id) from None
    return added.one_or_none() is not None


async def _worked(
    database: Database, claim: Claim, work: Callable[[Claim], Awaitable[Answer]]
) -> Answer:
    """Return the answer of the work; what comes of the claim depends on how that ends."""
    try:
        answer = await work(claim)
    except ClaimLost:
        raise
    except PaymentsUnavailable:
        await _let_go(database, claim)
        raise
    except BillingError:
        await _abandon(database, claim)
        raise
    except BaseException:
        # Shielded: who gave up waiting for the work leaves the key to whoever asks next.
        await asyncio.shield(asyncio.ensure_future(_let_go(database, claim)))
        raise
    if not claim.is_settled:
        await _abandon(database, claim)
    return answer


async def _let_go(database: Database, claim: Claim) -> None:
    """End the lease: somebody else may go on with the work."""
    async with database.write() as session:
        await session.execute(
            update(_KEYS).where(_is_held(claim)).values(lease_token=None, leased_until=None)
        )


async def _abandon(database: Database, claim: Claim) -> None:
    """Forget the claim: its key is free."""
    async with database.write() as session:
        await session.execute(delete(_KEYS).where(_is_held(claim)))


async def _change(session: AsyncSession, claim: Claim, **values: Any) -> None:
    """Set columns of the claim's row, if the claim still holds it."""
    changed = await session.execute(
        update(_KEYS).where(_is_held(claim)).values(values).returning(_C.claim_id)
    )
    if changed.one_or_none() is None:
        raise ClaimLost


def _is_of(request: Request) -> Any:
    return and_(
        _C.workspace_id == request.workspace_id,
        _C.actor == request.actor,
        _C.mutation == request.mutation,
        _C.key == request.key,
    )


def _is_held(claim: Claim) -> Any:
    return and_(_is_of(claim.request), _C.lease_token == claim.lease_token)


_FIND = select(
    _C.input_hash,
    _C.claim_id,
    _C.attempt,
    _C.progress,
    _C.leased_until,
    _C.answer,
    _C.created_at,
).with_for_update()
