"""Global ids: opaque, and they say where to look.

An id is the base64url text of `Type:key` or `Type:workspace:key`. Clients store ids: what stands
here can't change after a release.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from resolvers.refusals import InvalidId, TooManyIds

IDS_MAX = 100
"""The most ids of one argument."""

Key = UUID | int | str


@dataclass(frozen=True, slots=True)
class GlobalId:
    """What an id says: a type, the workspace it belongs to if any, and its key there."""

    type: str
    workspace_id: UUID | None
    key: Any


def encode(type_: str, key: Key, *, workspace_id: UUID | None = None) -> str:
    """Return the global id of a thing, of a workspace if `workspace_id` is given."""
    parts = [type_, *([workspace_id.hex] if workspace_id else []), _text(key)]
    return base64.urlsafe_b64encode(":".join(parts).encode()).rstrip(b"=").decode()


def decode(id_: str, *expected: str) -> GlobalId:
    """Return what `id_` says. Raises InvalidId, also for a type that is not `expected`."""
    try:
        found = _parse(id_)
    except ValueError:
        raise InvalidId(*expected) from None
    if expected and found.type not in expected:
        raise InvalidId(*expected)
    return found


def decode_all(ids: Sequence[str], *expected: str) -> list[GlobalId]:
    """Return what the ids say. Raises InvalidId, and TooManyIds for more than `IDS_MAX`."""
    refuse_many(ids)
    return [decode(id_, *expected) for id_ in ids]


def refuse_many(ids: Sequence[str]) -> None:
    """Raise TooManyIds for more than `IDS_MAX`."""
    if len(ids) > IDS_MAX:
        raise TooManyIds(maximum=IDS_MAX)


_LENGTH_MAX = 300


def _entry_number(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError(text)
    return number


_GLOBAL_KEYS: dict[str, Callable[[str], Key]] = {"User": UUID, "Workspace": UUID, "Plan": str}
_WORKSPACE_KEYS: dict[str, Callable[[str], Key]] = {
    "ApiKey": UUID,
    "ConversationUsage": UUID,
    "McpHttpCall": UUID,
    "ImportUsage": UUID,
    "CreditAdjustment": _entry_number,
    "CreditLot": _entry_number,
    "TopUpCheckout": UUID,
    "UsageCharge": _entry_number,
}


def _parse(id_: str) -> GlobalId:
    """Return what `id_` says; ValueError unless it is to the letter what `encode` gives."""
    if len(id_) > _LENGTH_MAX:
        raise ValueError(id_)
    text = base64.urlsafe_b64decode(id_.encode("ascii") + b"=" * (-len(id_) % 4)).decode()
    type_, _, rest = text.partition(":")
    if type_ in _GLOBAL_KEYS:
        found = GlobalId(type_, None, _GLOBAL_KEYS[type_](rest))
    elif type_ in _WORKSPACE_KEYS:
        workspace, _, key = rest.partition(":")
        found = GlobalId(type_, UUID(workspace), _WORKSPACE_KEYS[type_](key))
    else:
        raise ValueError(id_)
    if encode(found.type, found.key, workspace_id=found.workspace_id) != id_:
        raise ValueError(id_)
    return found


def _text(key: Key) -> str:
    return key.hex if isinstance(key, UUID) else str(key)
