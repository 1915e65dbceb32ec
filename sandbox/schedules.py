"""Subscription schedules: phases, the last of which releases the subscription or ends it."""

from typing import Any

from sandbox import blanks, errors, events, forms, lists, periods, store, subscriptions
from sandbox.errors import Object
from sandbox.store import Account

_BEHAVIOR = forms.choice("always_invoice", "create_prorations", "none")
_PHASE: forms.Shape = {
    "duration": forms.nested(
        {
            "interval": forms.Required(forms.choice("day", "month", "week", "year")),
            "interval_count": forms.integer,
        }
    ),
    "end_date": forms.integer,
    "items": forms.Required(
        forms.listed(
            forms.nested(
                {
                    "price": forms.Required(forms.text),
                    "quantity": forms.integer,
                    "metadata": forms.metadata,
                }
            )
        )
    ),
    "metadata": forms.metadata,
    "proration_behavior": _BEHAVIOR,
    "start_date": forms.integer,
}
CREATE: forms.Shape = forms.EXPAND | {"from_subscription": forms.Required(forms.text)}
UPDATE: forms.Shape = forms.EXPAND | {
    "end_behavior": forms.choice("cancel", "release"),
    "metadata": forms.metadata,
    "phases": forms.listed(forms.nested(_PHASE)),
    "proration_behavior": _BEHAVIOR,
}
LIST: forms.Shape = forms.PAGE | {
    "canceled_at": forms.MOMENT,
    "completed_at": forms.MOMENT,
    "created": forms.MOMENT,
    "customer": forms.text,
    "released_at": forms.MOMENT,
}


def create(account: Account, params: Object) -> Object:
    """Put a subscription under a schedule whose one phase is its current period."""
    name = params["from_subscription"]
    subscription = store.get(account, "subscription", name, param="from_subscription")
    if subscription["schedule"] is not None:
        message = (
            "You cannot migrate a subscription that is already attached to a schedule:"
            f" {subscription['schedule']}."
        )
        raise errors.invalid_request(message, param="from_subscription")
    if subscription["status"] not in ("active", "past_due"):
        message = f"You cannot migrate a subscription in the `{subscription['status']}` status."
        raise errors.invalid_request(message, param="from_subscription")

    item = subscriptions.item_of(subscription)
    start, end = item["current_period_start"], item["current_period_end"]
    schedule = blanks.new(
        "subscription_schedule",
        id=store.new_id(account, "sub_sched"),
        created=account.now(),
        current_phase={"start_date": start, "end_date": end},
        customer=subscription["customer"],
        end_behavior="cancel" if subscription["cancel_at_period_end"] else "release",
        phases=[_phase(item["price"], item["quantity"], start_date=start, end_date=end)],
        subscription=name,
    )
    store.add(account, schedule)
    store.schedule(account, end, "end_schedule", schedule["id"])
    events.emit(account, "subscription_schedule.created", schedule)
    with events.change(account, subscription, "customer.subscription.updated"):
        subscription["schedule"] = schedule["id"]
        if subscription["cancel_at_period_end"]:
            subscriptions.set_cancellation(account, subscription, None)
    return schedule


def update(account: Account, params: Object, schedule: str) -> Object:
    """Change what a schedule does: the current phase must stay where it is.

    What that one says of the subscription is in effect at once.
    """
    found = store.get(account, "subscription_schedule", schedule)
    _must_be_active(found, "update")
    phases = None
    if "phases" in params:
        phases = _phases(account, found, params["phases"])
        subscription = store.get(account, "subscription", found["subscription"])
        _must_meet_periods(account, subscription, phases)
        _apply(account, subscription, phases[0], params.get("proration_behavior"))

    with events.change(account, found, "subscription_schedule.updated"):
        found["end_behavior"] = params.get("end_behavior", found["end_behavior"])
        found["metadata"] = forms.merged(found["metadata"], params.get("metadata", {}))
        if phases is not None:
            found["phases"] = phases
            store.schedule(account, phases[-1]["end_date"], "end_schedule", schedule)
            found["current_phase"] = {name: phases[0][name] for name in ("start_date", "end_date")}
    return found


def release(account: Account, params: Object, schedule: str) -> Object:
    """End a schedule and leave its subscription as it is."""
    del params
    found = store.get(account, "subscription_schedule", schedule)
    _must_be_active(found, "release")
    subscription = store.get(account, "subscription", found["subscription"])
    with events.change(account, subscription, "customer.subscription.updated"):
        _release(account, found, subscription)
    return found


def cancel(account: Account, params: Object, schedule: str) -> Object:
    """End a schedule and its subscription."""
    del params
    found = store.get(account, "subscription_schedule", schedule)
    _must_be_active(found, "cancel")
    subscription = store.get(account, "subscription", found["subscription"])
    subscriptions.end(account, subscription, reason="cancellation_requested")
    return found


def retrieve(account: Account, params: Object, schedule: str) -> Object:
    """Return a schedule."""
    del params
    return store.get(account, "subscription_schedule", schedule)


def listing(account: Account, params: Object) -> Object:
    """List schedules, newest first."""

    def matches(schedule: Object) -> bool:
        moments = ("canceled_at", "completed_at", "released_at")
        return params.get("customer", schedule["customer"]) == schedule["customer"] and all(
            lists.within(schedule[name], params[name]) for name in moments if name in params
        )

    url = "/v1/subscription_schedules"
    return lists.page(account, "subscription_schedule", params, url, matches=matches)


def advance(account: Account, subscription: Object) -> None:
    """Enter the phase that begins now, or end the schedule after its last; tells of both."""
    if subscription["schedule"] is None:
        return
    schedule = store.get(account, "subscription_schedule", subscription["schedule"])
    now = account.now()
    if schedule["current_phase"]["end_date"] > now:
        return
    upcoming = [phase for phase in schedule["phases"] if phase["end_date"] > now]
    if not upcoming:
        _complete(account, schedule, subscription)
        return
    phase = upcoming[0]
    row = phase["items"][0]
    price = store.get(account, "price", row["price"])
    item = subscriptions.item_of(subscription)
    item |= {"price": dict(price), "plan": subscriptions.plan_of(price)}
    item["quantity"] = row["quantity"]
    subscription["metadata"] = forms.merged(subscription["metadata"], phase["metadata"])
    with events.change(account, schedule, "subscription_schedule.updated"):
        schedule["current_phase"] = {name: phase[name] for name in ("start_date", "end_date")}


def end_if_due(account: Account, schedule: Object) -> None:
    """End a schedule whose last phase ends now, be it in the middle of a period."""
    if schedule["status"] != "active" or schedule["phases"][-1]["end_date"] != account.now():
        return
    subscription = store.get(account, "subscription", schedule["subscription"])
    with events.change(account, subscription, "customer.subscription.updated"):
        _complete(account, schedule, subscription)


def follow(account: Account, subscription: Object) -> None:
    """Carry a direct change of a subscription into the current phase of its schedule."""
    if subscription["schedule"] is None:
        return
    schedule = store.get(account, "subscription_schedule", subscription["schedule"])
    item = subscriptions.item_of(subscription)
    start = schedule["current_phase"]["start_date"]
    with events.change(account, schedule, "subscription_schedule.updated"):
        for phase in schedule["phases"]:
            if phase["start_date"] == start:
                phase["items"] = _items(item["price"], item["quantity"])


def _complete(account: Account, schedule: Object, subscription: Object) -> None:
    if schedule["end_behavior"] == "release":
        _release(account, schedule, subscription)
        return
    schedule |= {"status": "completed", "completed_at": account.now(), "current_phase": None}
    subscription["schedule"] = None
    events.emit(account, "subscription_schedule.completed", schedule)
    subscriptions.end(account, subscription, reason="cancellation_requested")


def _release(account: Account, schedule: Object, subscription: Object) -> None:
    schedule |= {"status": "released", "released_at": account.now(), "current_phase": None}
    schedule |= {"released_subscription": subscription["id"], "subscription": None}
    subscription["schedule"] = None
    events.emit(account, "subscription_schedule.released", schedule)


def _must_be_active(schedule: Object, verb: str) -> None:
    if schedule["status"] != "active":
        message = (
            f"You cannot {verb} a subscription schedule that is currently in the"
            f" `{schedule['status']}` status. Must be in the `not_started` or `active` status."
        )
        raise errors.invalid_request(message)


def _phases(account: Account, schedule: Object, wanted: list[Object]) -> list[Object]:
    """Return the phases that were asked for; raises a 400 unless each begins where one ends."""
    if not wanted:
        raise errors.invalid_request("You must pass at least one phase.", param="phases")
    start = schedule["current_phase"]["start_date"]
    priced = {phase["items"][0]["price"] for phase in schedule["phases"]}
    phases = []
    for index, row in enumerate(wanted):
        path = f"phases[{index}]"
        given = row.get("start_date", start if index else None)
        if given is None:
            message = "You must set `start_date` on the first phase."
            raise errors.invalid_request(message, param=f"{path}[start_date]")
        if given != start:
            message = (
                "You can not modify the start date of the current phase."
                if index == 0
                else "Phases must begin where the phase before them ends."
            )
            raise errors.invalid_request(message, param=f"{path}[start_date]")
        phase = _read_phase(account, row, start, path, priced=priced)
        if phase["end_date"] <= max(start, account.now()):
            message = "A phase must end in the future, and after its start."
            raise errors.invalid_request(message, param=f"{path}[end_date]")
        phases.append(phase)
        start = phase["end_date"]
    return phases


def _apply(account: Account, subscription: Object, phase: Object, behavior: str | None) -> None:
    """Let a subscription be as its current phase says, from now on; nothing is prorated."""
    item, row = subscriptions.item_of(subscription), phase["items"][0]
    if (item["price"]["id"], item["quantity"]) == (row["price"], row["quantity"]):
        return
    price = store.get(account, "price", row["price"])
    if behavior != "none" or not periods.same(item["price"]["recurring"], price["recurring"]):
        message = "The sandbox changes a current phase without proration and within its period."
        raise errors.invalid_request(message, param="phases[0][items]")
    with events.change(account, subscription, "customer.subscription.updated"):
        item |= {"price": dict(price), "plan": subscriptions.plan_of(price)}
        item["quantity"] = row["quantity"]


def _must_meet_periods(account: Account, subscription: Object, phases: list[Object]) -> None:
    """Raise a 400 unless each phase but the last ends with a period: only there plans change."""
    anchor = subscription["billing_cycle_anchor"]
    before = subscriptions.item_of(subscription)["price"]["recurring"]
    for index, phase in enumerate(phases[:-1]):
        recurring = store.get(account, "price", phase["items"][0]["price"])["recurring"]
        if not periods.same(before, recurring):
            anchor = phase["start_date"]
        before = recurring
        if periods.following(anchor, recurring, phase["end_date"] - 1) != phase["end_date"]:
            message = "The sandbox changes phases at the end of a period only."
            raise errors.invalid_request(message, param=f"phases[{index}][end_date]")


def _read_phase(
    account: Account, row: Object, start: int, path: str, *, priced: set[str]
) -> Object:
    """Return a phase that was asked for; only prices of the schedule may be inactive."""
    if len(row["items"]) != 1:
        message = "A subscription of the sandbox has one item."
        raise errors.invalid_request(message, param=f"{path}[items]")
    if "end_date" in row and "duration" in row:
        message = "You may only specify one of these parameters: end_date, duration."
        raise errors.invalid_request(message, param=path)
    item = row["items"][0]
    price = store.get(account, "price", item["price"], param=f"{path}[items][0][price]")
    if not price["active"] and price["id"] not in priced:
        message = "The price specified is inactive. This field only accepts active prices."
        raise errors.invalid_request(message, param=f"{path}[items][0][price]")
    recurring: Object = price["recurring"]
    length = {"interval_count": 1} | row.get("duration", recurring)
    end = row.get("end_date", periods.add(start, length))
    return _phase(
        price,
        item.get("quantity", 1),
        start_date=start,
        end_date=end,
        metadata=row.get("metadata", {}),
        proration_behavior=row.get("proration_behavior", "create_prorations"),
    )


def _phase(price: Object, quantity: int, **fields: Any) -> Object:
    currency = price["currency"]
    return blanks.new("phase", currency=currency, items=_items(price, quantity), **fields)


def _items(price: Object, quantity: int) -> list[Object]:
    row: Object = {"billing_thresholds": None, "discounts": [], "metadata": {}, "tax_rates": []}
    return [row | {"plan": price["id"], "price": price["id"], "quantity": quantity}]
