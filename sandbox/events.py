"""Events: what happened, with a copy of the object as it was then, in the order it happened."""

import copy
import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox import blanks, forms, lists, store
from sandbox.errors import Object
from sandbox.store import Account

LIST: forms.Shape = forms.PAGE | {
    "type": forms.text,
    "types": forms.listed(forms.text),
    "created": forms.MOMENT,
    "delivery_success": forms.boolean,
}


def emit(account: Account, kind: str, thing: Object, *, previous: Object | None = None) -> Object:
    """Keep an event about an object and hand it to the couriers of webhooks."""
    contents: Object = {"object": copy.deepcopy(thing)}
    if previous is not None:
        contents["previous_attributes"] = copy.deepcopy(previous)
    event = blanks.new(
        "event",
        id=store.new_id(account, "evt"),
        api_version=store.API_VERSION,
        created=account.now(),
        data=contents,
        pending_webhooks=0,
        request=dict(account.request),
        type=kind,
    )
    store.add(account, event)
    for listener in account.listeners:
        listener(event)
    return event


@contextmanager
def change(account: Account, thing: Object, kind: str) -> Iterator[Object]:
    """Emit `kind` with what has changed of an object, if anything has.

    A subscription that has ended meanwhile has had an event of its own for that.
    """
    before = copy.deepcopy(thing)
    yield thing
    previous = {name: before.get(name) for name in thing if thing[name] != before.get(name)}
    ended = "status" in previous and thing["status"] == "canceled"
    if previous and not ended:
        emit(account, kind, thing, previous=previous)


def listing(account: Account, params: Object) -> Object:
    """List events, newest first, by type, time or whether their webhooks arrived."""
    wanted = params.get("types", [])
    if "type" in params:
        wanted = [params["type"]]

    def matches(event: Object) -> bool:
        if wanted and not any(fnmatch.fnmatchcase(event["type"], name) for name in wanted):
            return False
        if "delivery_success" in params:
            failed = store.secret(account, event["id"]).get("failed", False)
            arrived = event["pending_webhooks"] == 0 and not failed
            return bool(arrived == params["delivery_success"])
        return True

    return lists.page(account, "event", params, "/v1/events", matches=matches)


def retrieve(account: Account, params: Object, event: str) -> Object:
    """Return an event."""
    del params
    return store.get(account, "event", event)
