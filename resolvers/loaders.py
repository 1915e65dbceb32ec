"""Loaders, each named by its question: asked by many fields, answered by one statement.

Each lives for one operation and reads its snapshot. Loaders of a workspace's things are asked only
with what `workspace` has let through.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from aiodataloader import DataLoader

from billing import access, balance, catalog, charges, records, series, subscriptions, workspaces
from billing.access import Viewer, WorkspaceAccess
from billing.keyset import Page, Slice
from models.database import Record, Snapshot

K = TypeVar("K")
V = TypeVar("V")
Q = TypeVar("Q")

RecordKey = tuple[type[records.Filter], UUID, Any]


class Loaders:
    """The loaders of one operation."""

    def __init__(self, snapshot: Snapshot, *, viewer: Viewer | None, now: datetime) -> None:
        self._snapshot = snapshot
        self._viewer = viewer
        self._now = now

    @cached_property
    def workspace(self) -> DataLoader[UUID, WorkspaceAccess | None]:
        """The workspace, if the viewer may read it."""
        viewer = access.reader(self._viewer)
        return _by_key(
            lambda ids: access.workspaces(self._snapshot, viewer, workspace_ids=ids), None
        )

    @cached_property
    def visible_person(self) -> DataLoader[UUID, workspaces.Profile | None]:
        """The person, if the viewer may see them."""
        viewer = access.reader(self._viewer)
        return _by_key(
            lambda ids: workspaces.visible_people(self._snapshot, viewer, user_ids=ids), None
        )

    @cached_property
    def person(self) -> DataLoader[UUID, workspaces.Profile | None]:
        """The person of a record that the viewer may see people on."""
        return _by_key(lambda ids: workspaces.people(self._snapshot, user_ids=ids), None)

    @cached_property
    def api_key(self) -> DataLoader[tuple[UUID, UUID], workspaces.ApiKeyName | None]:
        """The API key by (workspace id, id)."""
        return _by_key(lambda keys: workspaces.api_keys_named(self._snapshot, keys=keys), None)

    @cached_property
    def plans(self) -> asyncio.Future[list[catalog.PlanOffer]]:
        """The whole catalogue, read once: it is small, and every plan field asks the same."""
        return asyncio.ensure_future(catalog.plans(self._snapshot))

    @cached_property
    def pack(self) -> asyncio.Future[catalog.PackOffer | None]:
        """The credit pack that is sold, read once."""
        return asyncio.ensure_future(catalog.pack(self._snapshot))

    @cached_property
    def subscription(self) -> DataLoader[UUID, subscriptions.LiveSubscription | None]:
        """The live subscription of a workspace."""
        return _by_key(lambda ids: subscriptions.live(self._snapshot, workspace_ids=ids), None)

    @cached_property
    def balance(self) -> DataLoader[UUID, balance.Balance | None]:
        """The balance of a workspace now."""
        return _by_key(
            lambda ids: balance.current(self._snapshot, workspace_ids=ids, now=self._now), None
        )

    @cached_property
    def balance_as_of(self) -> DataLoader[tuple[datetime, UUID], int]:
        """The booked balance at a moment, by (moment, workspace id)."""
        return _by_question(lambda at, ids: balance.as_of(self._snapshot, workspace_ids=ids, at=at))

    @cached_property
    def depletion(self) -> DataLoader[UUID, datetime | None]:
        """When the credits of a workspace run out, at the recent use."""
        return _by_key(
            lambda ids: balance.depletions(self._snapshot, workspace_ids=ids, now=self._now), None
        )

    @cached_property
    def record_page(self) -> DataLoader[tuple[records.Request, UUID], Page]:
        """A page of one of the four lists, by (request, workspace id)."""
        return _by_question(
            lambda request, ids: records.pages(self._snapshot, request, workspace_ids=ids)
        )

    @cached_property
    def record_totals(self) -> DataLoader[tuple[records.Filter, UUID], Record]:
        """The totals of one of the four lists, by (filter, workspace id)."""
        return _by_question(
            lambda filter_, ids: records.totals(self._snapshot, filter_, workspace_ids=ids)
        )

    @cached_property
    def record(self) -> DataLoader[RecordKey, Record | None]:
        """A row of one of the four lists, by (filter type, workspace id, key)."""

        async def load(asked: list[RecordKey]) -> list[Record | None]:
            found: dict[RecordKey, Record] = {}
            for list_ in dict.fromkeys(key[0] for key in asked):
                keys = [(key[1], key[2]) for key in asked if key[0] is list_]
                rows = await records.rows(self._snapshot, list_, keys=keys)
                found |= {(list_, *key): row for key, row in rows.items()}
            return [found.get(key) for key in asked]

        return DataLoader(load)

    @cached_property
    def charge_page(self) -> DataLoader[tuple[Slice, tuple[UUID, UUID]], Page]:
        """A page of a conversation's charges, by (slice, (workspace id, conversation usage id))."""
        return _by_question(
            lambda part, keys: charges.of_conversations(
                self._snapshot, conversations=keys, part=part
            )
        )

    @cached_property
    def charge(self) -> DataLoader[tuple[UUID, int], Record | None]:
        """A charge by (workspace id, entry number)."""
        return _by_key(lambda keys: charges.rows(self._snapshot, keys=keys), None)

    @cached_property
    def payments(self) -> DataLoader[tuple[UUID, int], list[charges.Payment]]:
        """What paid for a charge, by (workspace id, entry number)."""
        return _by_key(lambda keys: charges.payments(self._snapshot, charges=keys), [])

    @cached_property
    def lot(self) -> DataLoader[tuple[UUID, int], Record | None]:
        """A lot by (workspace id, number)."""
        return _by_key(lambda keys: charges.lots(self._snapshot, keys=keys), None)

    @cached_property
    def lot_page(self) -> DataLoader[tuple[Slice, UUID], Page]:
        """A page of a workspace's live lots, by (slice, workspace id)."""
        return _by_question(
            lambda part, ids: balance.lots(
                self._snapshot, workspace_ids=ids, part=part, now=self._now
            )
        )

    @cached_property
    def api_key_page(self) -> DataLoader[tuple[Slice, UUID], Page]:
        """A page of a workspace's API keys, by (slice, workspace id)."""
        return _by_question(
            lambda part, ids: workspaces.api_keys(self._snapshot, workspace_ids=ids, part=part)
        )

    @cached_property
    def usage_series(self) -> DataLoader[tuple[series.Window, UUID], list[series.Bucket]]:
        """The usage of a workspace over time, by (window, workspace id)."""
        return _by_question(
            lambda window, ids: series.usage(self._snapshot, window, workspace_ids=ids)
        )


def _by_key(
    read: Callable[[Sequence[K]], Awaitable[dict[K, Any]]], missing: V
) -> DataLoader[K, Any]:
    """Return a loader whose one statement answers by key, with `missing` for what is not there."""

    async def load(keys: list[K]) -> list[Any]:
        found = await read(keys)
        return [found.get(key, missing) for key in keys]

    return DataLoader(load)


def _by_question(
    read: Callable[[Q, list[K]], Awaitable[Iterable[V]]],
) -> DataLoader[tuple[Q, K], V]:
    """Return a loader of (question, key) that asks each question once, for all of its keys."""

    async def load(asked: list[tuple[Q, K]]) -> list[V]:
        found: dict[tuple[Q, K], V] = {}
        for question in dict.fromkeys(question for question, _ in asked):
            keys = [key for asked_question, key in asked if asked_question == question]
            answers = await read(question, keys)
            found |= {(question, key): value for key, value in zip(keys, answers, strict=True)}
        return [found[key] for key in asked]

    return DataLoader(load)
