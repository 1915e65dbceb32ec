"""Loaders, each named by its question: asked by many fields, answered by one statement.

Each lives for one operation and reads its snapshot. Loaders of a workspace's things are asked only
with what `workspace` has let through.

Fields share answers, and a field may stop waiting: graphql-core cancels the siblings of one that
fails. Whoever waits is shielded, so that this ends the waiting and never the answer of the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from aiodataloader import DataLoader

from billing import (
    access,
    balance,
    catalog,
    charges,
    checkouts,
    records,
    series,
    subscriptions,
    workspaces,
)
from billing.access import Person, Viewer, WorkspaceAccess
from billing.keyset import Page, Slice
from models.database import Record, Snapshot

K = TypeVar("K")
V = TypeVar("V")
Q = TypeVar("Q")

RecordKey = tuple[type[records.Filter], UUID, Any]


class Loader(DataLoader[K, V]):
    """A loader whose answers outlive who waits for them."""

    def load(self, key: K) -> asyncio.Future[V]:
        """Return the answer to `key`; to cancel it is to stop waiting."""
        return asyncio.shield(super().load(key))


class Loaders:
    """The loaders of one operation."""

    def __init__(self, snapshot: Snapshot, *, viewer: Viewer | None, now: datetime) -> None:
        self._snapshot = snapshot
        self._viewer = viewer
        self._now = now

    @cached_property
    def workspace(self) -> Loader[UUID, WorkspaceAccess | None]:
        """The workspace, if the viewer may read it."""
        viewer = access.reader(self._viewer)
        return _by_key(
            lambda ids: access.workspaces(self._snapshot, viewer, workspace_ids=ids), None
        )

    @cached_property
    def visible_person(self) -> Loader[UUID, workspaces.Profile | None]:
        """The person, if the viewer may see them."""
        viewer = access.reader(self._viewer)
        return _by_key(
            lambda ids: workspaces.visible_people(self._snapshot, viewer, user_ids=ids), None
        )

    @cached_property
    def person(self) -> Loader[UUID, workspaces.Profile | None]:
        """The person of a record that the viewer may see people on."""
        return _by_key(lambda ids: workspaces.people(self._snapshot, user_ids=ids), None)

    @cached_property
    def membership_page(self) -> Loader[Slice, Page]:
        """A page of the viewer's own workspaces, by slice."""
        viewer = self._viewer
        assert isinstance(viewer, Person), "a service is in no workspace"

        async def load(parts: list[Slice]) -> list[Page]:
            return [
                await workspaces.memberships(self._snapshot, viewer, part=part) for part in parts
            ]

        return Loader(load)

    @property
    def membership_count(self) -> asyncio.Future[int]:
        """The number of the viewer's own workspaces, read once."""
        return asyncio.shield(self._membership_count)

    @cached_property
    def api_key(self) -> Loader[tuple[UUID, UUID], workspaces.ApiKeyName | None]:
        """The API key by (workspace id, id)."""
        return _by_key(lambda keys: workspaces.api_keys_named(self._snapshot, keys=keys), None)

    @property
    def plans(self) -> asyncio.Future[list[catalog.PlanOffer]]:
        """The whole catalogue, read once: it is small, and every plan field asks the same."""
        return asyncio.shield(self._plans)

    @property
    def pack(self) -> asyncio.Future[catalog.PackOffer | None]:
        """The credit pack that is sold, read once."""
        return asyncio.shield(self._pack)

    @cached_property
    def subscription(self) -> Loader[UUID, subscriptions.LiveSubscription | None]:
        """The live subscription of a workspace."""
        return _by_key(lambda ids: subscriptions.live(self._snapshot, workspace_ids=ids), None)

    @cached_property
    def balance(self) -> Loader[UUID, balance.Balance | None]:
        """The balance of a workspace now."""
        return _by_key(
            lambda ids: balance.current(self._snapshot, workspace_ids=ids, now=self._now), None
        )

    @cached_property
    def balance_as_of(self) -> Loader[tuple[datetime, UUID], int]:
        """The booked balance at a moment, by (moment, workspace id)."""
        return _by_question(lambda at, ids: balance.as_of(self._snapshot, workspace_ids=ids, at=at))

    @cached_property
    def depletion(self) -> Loader[UUID, datetime | None]:
        """When the credits of a workspace run out, at the recent use."""
        return _by_key(
            lambda ids: balance.depletions(self._snapshot, workspace_ids=ids, now=self._now), None
        )

    @cached_property
    def record_page(self) -> Loader[tuple[records.Request, UUID], Page]:
        """A page of one of the four lists, by (request, workspace id)."""
        return _by_question(
            lambda request, ids: records.pages(self._snapshot, request, workspace_ids=ids)
        )

    @cached_property
    def record_totals(self) -> Loader[tuple[records.Filter, UUID], Record]:
        """The totals of one of the four lists, by (filter, workspace id)."""
        return _by_question(
            lambda filter_, ids: records.totals(self._snapshot, filter_, workspace_ids=ids)
        )

    @cached_property
    def record(self) -> Loader[RecordKey, Record | None]:
        """A row of one of the four lists, by (filter type, workspace id, key)."""

        async def load(asked: list[RecordKey]) -> list[Record | None]:
            found: dict[RecordKey, Record] = {}
            for list_ in dict.fromkeys(key[0] for key in asked):
                keys = [(key[1], key[2]) for key in asked if key[0] is list_]
                rows = await records.rows(self._snapshot, list_, keys=keys)
                found |= {(list_, *key): row for key, row in rows.items()}
            return [found.get(key) for key in asked]

        return Loader(load)

    @cached_property
    def charge_page(self) -> Loader[tuple[Slice, tuple[UUID, UUID]], Page]:
        """A page of a conversation's charges, by (slice, (workspace id, conversation usage id))."""
        return _by_question(
            lambda part, keys: charges.of_conversations(
                self._snapshot, conversations=keys, part=part
            )
        )

    @cached_property
    def charge_count(self) -> Loader[tuple[UUID, UUID], int]:
        """The number of a conversation's charges, by (workspace id, conversation usage id)."""
        return _by_key(lambda keys: charges.counts(self._snapshot, conversations=keys), 0)

    @cached_property
    def charge(self) -> Loader[tuple[UUID, int], Record | None]:
        """A charge by (workspace id, entry number)."""
        return _by_key(lambda keys: charges.rows(self._snapshot, keys=keys), None)

    @cached_property
    def payments(self) -> Loader[tuple[UUID, int], list[charges.Payment]]:
        """What paid for a charge, by (workspace id, entry number)."""
        return _by_key(lambda keys: charges.payments(self._snapshot, charges=keys), [])

    @cached_property
    def top_up(self) -> Loader[tuple[UUID, UUID], checkouts.Checkout | None]:
        """A purchase of credit packs by (workspace id, id)."""
        return _by_key(lambda keys: checkouts.top_ups(self._snapshot, keys=keys), None)

    @cached_property
    def lot(self) -> Loader[tuple[UUID, int], Record | None]:
        """A lot by (workspace id, number)."""
        return _by_key(lambda keys: charges.lots(self._snapshot, keys=keys), None)

    @cached_property
    def lot_page(self) -> Loader[tuple[Slice, UUID], Page]:
        """A page of a workspace's live lots, by (slice, workspace id)."""
        return _by_question(
            lambda part, ids: balance.lots(
                self._snapshot, workspace_ids=ids, part=part, now=self._now
            )
        )

    @cached_property
    def lot_count(self) -> Loader[UUID, int]:
        """The number of a workspace's live lots."""
        return _by_key(
            lambda ids: balance.lot_counts(self._snapshot, workspace_ids=ids, now=self._now), 0
        )

    @cached_property
    def api_key_page(self) -> Loader[tuple[Slice, UUID], Page]:
        """A page of a workspace's API keys, by (slice, workspace id)."""
        return _by_question(
            lambda part, ids: workspaces.api_keys(self._snapshot, workspace_ids=ids, part=part)
        )

    @cached_property
    def api_key_count(self) -> Loader[UUID, int]:
        """The number of a workspace's API keys."""
        return _by_key(lambda ids: workspaces.api_key_counts(self._snapshot, workspace_ids=ids), 0)

    @cached_property
    def usage_series(self) -> Loader[tuple[series.Window, UUID], list[series.Bucket]]:
        """The usage of a workspace over time, by (window, workspace id)."""
        return _by_question(
            lambda window, ids: series.usage(self._snapshot, window, workspace_ids=ids)
        )

    @cached_property
    def _membership_count(self) -> asyncio.Future[int]:
        viewer = self._viewer
        assert isinstance(viewer, Person), "a service is in no workspace"
        return asyncio.ensure_future(workspaces.membership_count(self._snapshot, viewer))

    @cached_property
    def _plans(self) -> asyncio.Future[list[catalog.PlanOffer]]:
        return asyncio.ensure_future(catalog.plans(self._snapshot))

    @cached_property
    def _pack(self) -> asyncio.Future[catalog.PackOffer | None]:
        return asyncio.ensure_future(catalog.pack(self._snapshot))


def _by_key(read: Callable[[Sequence[K]], Awaitable[dict[K, Any]]], missing: V) -> Loader[K, Any]:
    """Return a loader whose one statement answers by key, with `missing` for what is not there."""

    async def load(keys: list[K]) -> list[Any]:
        found = await read(keys)
        return [found.get(key, missing) for key in keys]

    return Loader(load)


def _by_question(
    read: Callable[[Q, list[K]], Awaitable[Iterable[V]]],
) -> Loader[tuple[Q, K], V]:
    """Return a loader of (question, key) that asks each question once, for all of its keys."""

    async def load(asked: list[tuple[Q, K]]) -> list[V]:
        found: dict[tuple[Q, K], V] = {}
        for question in dict.fromkeys(question for question, _ in asked):
            keys = [key for asked_question, key in asked if asked_question == question]
            answers = await read(question, keys)
            found |= {(question, key): value for key, value in zip(keys, answers, strict=True)}
        return [found[key] for key in asked]

    return Loader(load)
