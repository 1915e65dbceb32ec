"""`switchPlan` and `cancelPendingPlanChange`: the owner chooses a plan."""

from datetime import datetime
from typing import Annotated, Union
from uuid import UUID

import strawberry

from billing import outcomes, plan_changes, returning
from billing.checkouts import Returns
from billing.errors import PreviewExpired, ReturnUrlRequired
from billing.outcomes import Outcome
from billing.plan_changes import Wish
from billing.quotes import Quote
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.mutations import owners, payload
from resolvers.mutations.payload import Payload
from resolvers.types.enums import BillingCycle
from resolvers.types.preview import PlanSwitchPreview
from resolvers.types.scalars import URL
from resolvers.types.workspace import Workspace


@strawberry.input(description="The plan that an owner chooses for a workspace.")
class SwitchPlanInput:
    """The plan that is chosen."""

    workspace_id: strawberry.ID = strawberry.field(description="The workspace.")
    plan_id: strawberry.ID = strawberry.field(description="The plan.")
    billing_cycle: BillingCycle | None = strawberry.field(
        default=strawberry.UNSET, description="How often it is to be paid; left out for Free."
    )
    preview_token: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What was shown and is confirmed: the `token` of a `PlanSwitchPreview`.",
    )
    success_url: URL | None = strawberry.field(
        default=strawberry.UNSET,
        description="Where to return to from a checkout page when it is paid, of an allowed"
        " origin; required where the plan is bought on a checkout page.",
    )
    cancel_url: URL | None = strawberry.field(
        default=strawberry.UNSET,
        description="Where to return to from that page when it is not paid, of an allowed origin.",
    )
    idempotency_key: str = strawberry.field(description=payload.IDEMPOTENCY_KEY)

    def wish(self, info: Info) -> Wish:
        """Return what is chosen. Raises InvalidId, PreviewExpired and what `_returns` raises."""
        token = payload.given(self.preview_token)
        return Wish(
            plan_id=payload.key(self, "plan_id", "Plan"),
            billing_cycle=payload.given(self.billing_cycle),
            quote_id=None if token is None else _quote_id(token),
            returns=self._returns(info),
        )

    def _returns(self, info: Info) -> Returns | None:
        """Return where to return to, None where neither is said.

        Raises ReturnUrlNotAllowed, and ReturnUrlRequired where only one is said.
        """
        said = {name: payload.given(getattr(self, name)) for name in ("success_url", "cancel_url")}
        if said == dict.fromkeys(said):
            return None
        for name, url in said.items():
            if url is None:
                raise ReturnUrlRequired(name)
            returning.check(url, origins=info.context.return_origins, about=name)
        return Returns(**said)


@strawberry.input(description="The workspace whose pending plan change is undone.")
class CancelPendingPlanChangeInput:
    """The workspace."""

    workspace_id: strawberry.ID = strawberry.field(description="The workspace.")
    idempotency_key: str = strawberry.field(description=payload.IDEMPOTENCY_KEY)


@strawberry.type(description="The workspace is on the plan.")
class PlanSwitched:
    """The workspace is on the plan."""

    effective_at: datetime = strawberry.field(description="When it was switched to.")


@strawberry.type(description="The workspace will be on the plan when what is paid is over.")
class PlanSwitchScheduled:
    """The workspace will be on the plan."""

    effective_at: datetime = strawberry.field(description="When the switch takes effect.")


@strawberry.type(description="The plan is to be paid on a checkout page; nothing has changed yet.")
class PlanCheckoutRequired:
    """The plan is to be paid."""

    url: URL = strawberry.field(description="The page.")


@strawberry.type(
    description="The cardholder has to authenticate the payment. Until then the plan stays; a"
    " change that was to come waits, and comes again if they do not."
)
class PlanSwitchPaymentRequired:
    """The cardholder has to authenticate."""

    url: URL = strawberry.field(description="The page on which to authenticate it.")
    expires_at: datetime = strawberry.field(
        description="Until when: after that the switch is not made, and nothing is charged."
    )


@strawberry.type(description="The switch is to be confirmed; nothing has changed yet.")
class PlanSwitchConfirmationRequired:
    """The switch is to be confirmed."""

    preview: PlanSwitchPreview = strawberry.field(
        description="What it would do; `switchPlan` with its token does just that."
    )


SwitchPlanOutcome = Annotated[
    Union[  # noqa: UP007 - Strawberry names the union by this form
        PlanSwitched,
        PlanSwitchScheduled,
        PlanCheckoutRequired,
        PlanSwitchPaymentRequired,
        PlanSwitchConfirmationRequired,
    ],
    strawberry.union("SwitchPlanOutcome", description="What came of choosing a plan."),
]


@strawberry.type(description="What came of choosing a plan.")
class SwitchPlanPayload(Payload):
    """What came of it."""

    workspace_id: strawberry.Private[UUID | None] = None
    outcome: SwitchPlanOutcome | None = strawberry.field(
        default=None, description="What came of it: done, scheduled, or what is to be done next."
    )

    @resolved("The workspace as it now is.")
    async def workspace(self, info: Info) -> Workspace | None:
        """Return the workspace."""
        return await owners.workspace(info, self.workspace_id)


@strawberry.type(description="The workspace, which has no pending plan change any more.")
class CancelPendingPlanChangePayload(Payload):
    """The workspace."""

    workspace_id: strawberry.Private[UUID | None] = None

    @resolved("The workspace as it now is.")
    async def workspace(self, info: Info) -> Workspace | None:
        """Return the workspace."""
        return await owners.workspace(info, self.workspace_id)


@payload.mutation(
    SwitchPlanPayload,
    "Choose a plan for a workspace: `Workspace.planOptions` says what that does. A switch from one"
    " paid plan to another has to be confirmed with the token of its preview: what the preview"
    " shows is what is charged. Replaces a pending change. For the owner of the workspace.",
)
async def switch_plan(
    info: Info, asked: Annotated[SwitchPlanInput, payload.INPUT]
) -> SwitchPlanPayload:
    """Do what choosing the plan does, once for its key."""
    owned = await owners.owned(info, asked)
    wish = asked.wish(info)
    request = owners.request(info, asked, mutation="switchPlan", owned=owned)
    quote = None
    async with owners.errand(info, owned) as errand:
        outcome = await plan_changes.switch(errand, wish=wish, request=request)
        if isinstance(outcome, outcomes.ConfirmationRequired):
            quote = await plan_changes.previewed(errand, quote_id=outcome.quote_id)
    return SwitchPlanPayload(workspace_id=owned.workspace_id, outcome=_outcome(outcome, quote))


@payload.mutation(
    CancelPendingPlanChangePayload,
    "Undo the pending plan change of a workspace: a scheduled switch or a cancellation. For the"
    " owner of the workspace.",
)
async def cancel_pending_plan_change(
    info: Info, asked: Annotated[CancelPendingPlanChangeInput, payload.INPUT]
) -> CancelPendingPlanChangePayload:
    """Undo what is to come, once for its key."""
    owned = await owners.owned(info, asked)
    request = owners.request(info, asked, mutation="cancelPendingPlanChange", owned=owned)
    async with owners.errand(info, owned) as errand:
        await plan_changes.undo(errand, request=request)
    return CancelPendingPlanChangePayload(workspace_id=owned.workspace_id)


def _quote_id(token: str) -> UUID:
    """Return the quote that a token names. Raises PreviewExpired: it is none of ours."""
    try:
        return UUID(hex=token)
    except ValueError:
        raise PreviewExpired from None


def _outcome(outcome: Outcome, quote: Quote | None) -> SwitchPlanOutcome:
    made: SwitchPlanOutcome
    match outcome:
        case outcomes.Switched(effective_at):
            made = PlanSwitched(effective_at=effective_at)
        case outcomes.Scheduled(effective_at):
            made = PlanSwitchScheduled(effective_at=effective_at)
        case outcomes.CheckoutRequired(url):
            made = PlanCheckoutRequired(url=URL(url))
        case outcomes.PaymentRequired(url, expires_at):
            made = PlanSwitchPaymentRequired(url=URL(url), expires_at=expires_at)
        case outcomes.ConfirmationRequired():
            assert quote is not None, "it was made a moment ago"
            made = PlanSwitchConfirmationRequired(preview=PlanSwitchPreview.of(quote))
    return made
