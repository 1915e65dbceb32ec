"""Products and prices at Stripe: had as the catalogue asks for them, by lookup key."""

from typing import Any

from billing.catalog import MONTHS_A_YEAR
from billing.payments import PriceRequest
from gateway import stripe_objects
from gateway.stripe_transport import InvalidRequest, Stripe, asked


async def offer_price(account: Stripe, request: PriceRequest) -> str:
    """Have a product and a price as asked for; return the price's id.

    A price never changes its amount: one that differs is left, and a new one takes its key over.
    """
    await _offer_product(account, request)
    known = await asked(
        account.v1.prices.list_async(
            {"lookup_keys": [request.lookup_key], "active": True, "limit": 1}
        )
    )
    if known.data and _is_same(known.data[0].to_dict(), request):
        return known.data[0].id
    params: Any = {
        "product": request.product_id,
        "currency": request.price.currency.lower(),
        "unit_amount": request.price.amount_minor,
        "lookup_key": request.lookup_key,
        "transfer_lookup_key": True,
    }
    if request.months is not None:
        params["recurring"] = _recurring(request.months)
    made = await asked(account.v1.prices.create_async(params))
    return made.id


async def _offer_product(account: Stripe, request: PriceRequest) -> None:
    """Have the product of a price, named as asked for."""
    made: Any = {"id": request.product_id, "name": request.product_name}
    if request.product_description:
        made["description"] = request.product_description
    try:
        found = await asked(account.v1.products.retrieve_async(request.product_id))
    except InvalidRequest as error:
        if error.reason != "resource_missing":
            raise
        await asked(account.v1.products.create_async(made))
        return
    is_named = found.name == request.product_name
    is_described = (found.description or "") == request.product_description
    if not (is_named and is_described and found.active):
        await asked(
            account.v1.products.update_async(
                request.product_id,
                {
                    "name": request.product_name,
                    "description": request.product_description,
                    "active": True,
                },
            )
        )


def _recurring(months: int) -> dict[str, Any]:
    years, rest = divmod(months, MONTHS_A_YEAR)
    interval, count = ("month", months) if rest else ("year", years)
    return {"interval": interval, "interval_count": count}


def _is_same(price: dict[str, Any], request: PriceRequest) -> bool:
    found, wanted = price["recurring"], None
    if found is not None:
        found = {name: found[name] for name in ("interval", "interval_count")}
    if request.months is not None:
        wanted = _recurring(request.months)
    return (
        price["unit_amount"] == request.price.amount_minor
        and price["currency"].upper() == request.price.currency
        and stripe_objects.id_of(price["product"]) == request.product_id
        and found == wanted
    )
