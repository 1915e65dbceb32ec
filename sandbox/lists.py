"""Lists: filters, and pages that go on from an id."""

from collections.abc import Callable, Iterable
from typing import Any

from sandbox import errors, store
from sandbox.errors import Object
from sandbox.store import Account

LIMIT_DEFAULT = 10
LIMIT_MAXIMUM = 100

_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def page(
    account: Account,
    kind: str,
    params: Object,
    url: str,
    *,
    matches: Callable[[Object], bool] = lambda _: True,
) -> Object:
    """Return a page of a kind of object, newest first; `created` is filtered here."""
    kept = [
        thing
        for thing in reversed(store.table(account, kind).values())
        if matches(thing)
        and ("created" not in params or within(thing["created"], params["created"]))
    ]
    return cut(kept, params, url)


def within(moment: int | None, wanted: Any) -> bool:
    """Tell whether a time is the one wanted, or within its bounds."""
    if moment is None:
        return False
    if isinstance(wanted, int):
        return moment == wanted
    return all(_COMPARISONS[name](moment, bound) for name, bound in wanted.items())


def cut(things: Iterable[Object], params: Object, url: str) -> Object:
    """Return the page of a list that `limit`, `starting_after` and `ending_before` ask for."""
    rows = list(things)
    limit = params.get("limit", LIMIT_DEFAULT)
    if not 1 <= limit <= LIMIT_MAXIMUM:
        message = f"This value must be between 1 and {LIMIT_MAXIMUM}"
        raise errors.invalid_request(message, param="limit", executed=False)
    if "starting_after" in params:
        rows = rows[_position(rows, params, "starting_after") + 1 :]
    elif "ending_before" in params:
        before = rows[: _position(rows, params, "ending_before")]
        return whole(before[-limit:], url, has_more=len(before) > limit)
    return whole(rows[:limit], url, has_more=len(rows) > limit)


def whole(rows: list[Object], url: str, *, has_more: bool = False) -> Object:
    """Return a list object."""
    return {"object": "list", "data": rows, "has_more": has_more, "url": url}


def _position(rows: list[Object], params: Object, cursor: str) -> int:
    for position, row in enumerate(rows):
        if row["id"] == params[cursor]:
            return position
    raise errors.missing_resource("object", params[cursor], param=cursor)
