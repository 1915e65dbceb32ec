"""The customer portal, and who may ask what an owner may."""

from typing import Any

import pytest

from billing.access import Viewer
from models.subscription import Checkout
from models.workspace import Workspace
from resolvers import ids
from tests.resolvers import till as tills
from tests.resolvers.mutating import ALMIGHTY
from tests.resolvers.till import CANCEL_URL, SUCCESS_URL, Till
from tests.resolvers.world import ACME, ADMIN, EMPTY, MEMBER, OLGA, OWNER, STRANGER

PRO = ids.encode("Plan", "pro")
RETURNS = {"successUrl": SUCCESS_URL, "cancelUrl": CANCEL_URL}
ASKED: dict[str, dict[str, Any]] = {
    tills.SWITCH: RETURNS | {"planId": PRO, "billingCycle": "MONTHLY"},
    tills.UNDO: {},
    tills.TOP_UP: RETURNS | {"packs": 1},
    tills.PORTAL: {"returnUrl": CANCEL_URL},
}
NAMES = {
    tills.SWITCH: "switchPlan",
    tills.UNDO: "cancelPendingPlanChange",
    tills.TOP_UP: "createTopUpCheckout",
    tills.PORTAL: "createCustomerPortalSession",
}
EVERY_MUTATION = pytest.mark.parametrize("document", ASKED, ids=NAMES.get)


async def test_the_portal_is_the_workspaces_own(till: Till) -> None:
    """What was bought is there, and the way back is the one that was asked for."""
    await till.subscribe()

    payload = await till.mutate(tills.PORTAL, ASKED[tills.PORTAL])

    assert payload["userErrors"] == []
    page = (await till.browser.get(payload["url"])).text
    assert "30.00" in page
    assert CANCEL_URL in page


async def test_a_workspace_that_has_bought_nothing_has_a_portal_too(till: Till) -> None:
    """Asked for twenty times at once, it is made one customer."""
    payloads = await till.gather(
        *(till.mutate(tills.PORTAL, ASKED[tills.PORTAL]) for _ in range(20))
    )

    assert all(payload["url"] for payload in payloads)
    [customer] = (await till.api("GET", "/v1/customers", limit="100"))["data"]
    assert customer["metadata"] == {"workspace_id": str(EMPTY)}
    async with till.database.snapshot() as snapshot:
        kept = await snapshot.scalar(
            Workspace.__table__.select()
            .with_only_columns(Workspace.stripe_customer_id)
            .where(Workspace.id == EMPTY)
        )
    assert kept == customer["id"]


async def test_people_are_not_sent_elsewhere(till: Till) -> None:
    """Stripe is not asked."""
    payload = await till.mutate(tills.PORTAL, {"returnUrl": "https://evil.test/"})

    assert [error["code"] for error in payload["userErrors"]] == ["RETURN_URL_NOT_ALLOWED"]
    assert payload["userErrors"][0]["path"] == ["input", "returnUrl"]
    assert (await till.api("GET", "/v1/customers"))["data"] == []


@EVERY_MUTATION
@pytest.mark.parametrize(
    ("viewer", "code"),
    [
        (OWNER, None),
        (ADMIN, "NOT_OWNER"),
        (MEMBER, "NOT_OWNER"),
        (STRANGER, "WORKSPACE_NOT_FOUND"),
    ],
    ids=["owner", "admin", "member", "stranger"],
)
async def test_only_the_owner_may(
    till: Till, document: str, viewer: Viewer, code: str | None
) -> None:
    """A workspace that is not yours looks like one that is not there."""
    asked = ASKED[document] | {"workspaceId": ids.encode("Workspace", ACME)}
    payload = await till.mutate(document, asked, viewer)

    if code is None:
        assert {error["code"] for error in payload["userErrors"]}.isdisjoint(
            {"NOT_OWNER", "WORKSPACE_NOT_FOUND"}
        )
        return
    [error] = payload["userErrors"]
    assert (error["code"], error["path"]) == (code, ["input", "workspaceId"])
    assert await till.rows(Checkout) == []
    assert (await till.api("GET", "/v1/customers"))["data"] == []


@EVERY_MUTATION
@pytest.mark.parametrize(
    ("viewer", "code"), [(ALMIGHTY, "PERSON_REQUIRED"), (None, "UNAUTHENTICATED")]
)
async def test_no_service_may_and_nobody_without_a_token(
    till: Till, document: str, viewer: Viewer | None, code: str
) -> None:
    """Whatever the scopes: it is an error of the field."""
    asked = ASKED[document] | {"workspaceId": ids.encode("Workspace", EMPTY)}
    if document is not tills.PORTAL:
        asked["idempotencyKey"] = "key"

    answer = await till.ask(document, viewer, input=asked)

    assert answer.codes == [code]
    assert answer.data == {NAMES[document]: None}


@EVERY_MUTATION
async def test_without_stripe_payments_are_not_available(till: Till, document: str) -> None:
    """A gateway that only reads needs no account."""
    await till.subscribe()

    payload = await till.mutate(document, ASKED[document], paying=False)

    assert [error["code"] for error in payload["userErrors"]] == ["PAYMENTS_UNAVAILABLE"]


@EVERY_MUTATION
async def test_a_workspace_that_does_not_exist_is_not_found(till: Till, document: str) -> None:
    """An id of something else is no id of a workspace."""
    unknown = ids.encode("Workspace", OLGA)
    for id_, code in ((unknown, "WORKSPACE_NOT_FOUND"), (PRO, "INVALID_ID")):
        payload = await till.mutate(document, ASKED[document] | {"workspaceId": id_})
        assert [error["code"] for error in payload["userErrors"]] == [code]


@pytest.mark.parametrize(
    ("viewer", "codes"),
    [
        (ADMIN, ["NOT_OWNER"]),
        (MEMBER, ["NOT_OWNER"]),
        (ALMIGHTY, ["PERSON_REQUIRED"]),
        (STRANGER, []),
    ],
    ids=["admin", "member", "service", "stranger"],
)
async def test_only_the_owner_is_shown_what_a_switch_would_do(
    till: Till, viewer: Viewer, codes: list[str]
) -> None:
    """The rest of the workspace is there for who may read it."""
    answer = await till.ask(
        tills.ASK_PREVIEW,
        viewer,
        id=ids.encode("Workspace", ACME),
        plan=ids.encode("Plan", "team"),
        cycle="MONTHLY",
    )

    assert answer.codes == codes
    workspace = {"name": "Acme", "planSwitchPreview": None} if codes else None
    assert answer.data == {"workspace": workspace}


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ("pro", "ALREADY_ON_PLAN"),
        ("sprint", "PLAN_NOT_FOUND"),
        ("nothing", "PLAN_NOT_FOUND"),
    ],
)
async def test_what_cannot_be_switched_to_is_not_previewed(
    till: Till, plan: str, code: str
) -> None:
    """The error says why."""
    await till.subscribe()

    answer = await till.ask(tills.ASK_PREVIEW, plan=ids.encode("Plan", plan), cycle="MONTHLY")

    assert answer.codes == [code]


async def test_what_is_bought_on_a_page_needs_no_preview(till: Till) -> None:
    """Its price is on the page."""
    answer = await till.ask(tills.ASK_PREVIEW, plan=PRO, cycle="MONTHLY")

    assert answer.codes == ["PREVIEW_NOT_POSSIBLE"]


async def test_a_plan_that_was_not_bought_at_stripe_is_not_switched(till: Till) -> None:
    """The subscription of this workspace is in the database alone."""
    asked = {"workspaceId": ids.encode("Workspace", ACME), "planId": ids.encode("Plan", "team")}

    payload = await till.mutate(tills.SWITCH, asked | {"billingCycle": "MONTHLY"})

    assert [error["code"] for error in payload["userErrors"]] == ["PAYMENTS_REFUSED"]
