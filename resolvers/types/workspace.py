"""Workspaces: the page's root."""

from datetime import datetime
from typing import Annotated

import strawberry

from billing import switching
from billing.access import WorkspaceAccess
from billing.series import BUCKETS_MAX
from billing.subscriptions import LiveSubscription
from resolvers import connection, cursors, ids, lists
from resolvers.connection import After, Before, First, Last, Place
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.types import preview, series
from resolvers.types.balance import CreditBalance
from resolvers.types.enums import BillingCycle, Granularity, PermissionReason, PlanKind, Role
from resolvers.types.filters import (
    ConversationUsageFilter,
    ConversationUsageOrder,
    CreditAdjustmentFilter,
    CreditAdjustmentOrder,
    ImportUsageFilter,
    ImportUsageOrder,
    McpHttpCallFilter,
    McpHttpCallOrder,
)
from resolvers.types.lists import (
    ConversationUsageConnection,
    CreditAdjustmentConnection,
    ImportUsageConnection,
    McpHttpCallConnection,
)
from resolvers.types.node import Node
from resolvers.types.plan import CreditPack, PlanOption
from resolvers.types.preview import PlanSwitchPreview
from resolvers.types.series import UsagePoint, UsageSeriesFilter
from resolvers.types.subscription import Subscription
from resolvers.types.usage import ApiKey, ApiKeyConnection

_FILTER = strawberry.argument(description="Which rows; all of them without it.")
_ORDER = strawberry.argument(description="In which order; newest first without it.")


@strawberry.type(description="What the viewer may do in a workspace.")
class WorkspacePermissions:
    """What the viewer may do."""

    can_manage_plan: bool = strawberry.field(description="Switch, cancel and undo plans.")
    can_buy_credits: bool = strawberry.field(description="Buy credit packs.")
    can_open_portal: bool = strawberry.field(description="Open the customer portal.")
    can_see_users: bool = strawberry.field(description="See who used what.")
    reason: PermissionReason | None = strawberry.field(
        description="Why an action is missing; null when none is."
    )


@strawberry.type(description="A workspace: it holds a plan and spends credits.")
class Workspace(Node):
    """A workspace that the viewer may read."""

    access: strawberry.Private[WorkspaceAccess]
    name: str = strawberry.field(description="What it is called.")
    created_at: datetime = strawberry.field(description="When it was created.")
    viewer_role: Role | None = strawberry.field(
        description="The viewer's role in it; null for a service."
    )

    @classmethod
    def of(cls, access: WorkspaceAccess) -> "Workspace":
        """Return the GraphQL value of a workspace that the viewer may read."""
        return cls(
            id=strawberry.ID(ids.encode("Workspace", access.workspace_id)),
            access=access,
            name=access.name,
            created_at=access.created_at,
            viewer_role=access.role,
        )

    @resolved("What the viewer may do in it.")
    async def viewer_permissions(self, info: Info) -> WorkspacePermissions:
        """Return what the viewer may do, and why not."""
        owner = self.access.is_owner
        paid = await self._is_paid(info)
        return WorkspacePermissions(
            can_manage_plan=owner,
            can_buy_credits=owner and paid,
            can_open_portal=owner,
            can_see_users=self.access.sees_people,
            reason=PermissionReason.NOT_OWNER
            if not owner
            else (None if paid else PermissionReason.PAID_PLAN_REQUIRED),
        )

    @resolved("The plan that it holds.")
    async def subscription(self, info: Info) -> Subscription:
        """Return the live subscription."""
        return Subscription.of(await self._held(info))

    @resolved("What it has left to spend.")
    async def credit_balance(self, info: Info) -> CreditBalance:
        """Return the balance now."""
        balance = await info.context.loaders.balance.load(self.access.workspace_id)
        assert balance is not None, "a workspace is created with its balance"
        return CreditBalance.of(balance, self.access)

    @resolved("The credit pack that it can buy; null on Free.")
    async def credit_pack(self, info: Info) -> CreditPack | None:
        """Return the pack that is sold to paid workspaces."""
        if not await self._is_paid(info):
            return None
        pack = await info.context.loaders.pack
        return None if pack is None else CreditPack.of(pack)

    @resolved("Every plan in each of its cycles, and what choosing it would do here.")
    async def plan_options(self, info: Info) -> list[PlanOption]:
        """Return what can be chosen."""
        plans = await info.context.loaders.plans
        return [
            PlanOption.of(choice) for choice in switching.choices(await self._held(info), plans)
        ]

    @resolved(
        "What switching to a paid plan from another one would do, for the owner to confirm."
        " Null, with an error that says why, where nothing can be previewed."
    )
    async def plan_switch_preview(
        self,
        info: Info,
        plan_id: Annotated[strawberry.ID, strawberry.argument(description="The plan.")],
        billing_cycle: Annotated[
            BillingCycle, strawberry.argument(description="How often it is to be paid.")
        ],
    ) -> PlanSwitchPreview | None:
        """Return what the switch would do."""
        plan = ids.decode(plan_id, "Plan").key
        return await preview.preview(info, self.access, plan_id=plan, billing_cycle=billing_cycle)

    @resolved("Its API keys, oldest first, revoked ones included: names, never secrets.")
    async def api_keys(
        self,
        info: Info,
        *,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> ApiKeyConnection:
        """Return a page of the API keys."""
        workspace_id = self.access.workspace_id
        place = Place(cursors.fingerprint("apiKeys", workspace_id))
        asked = connection.paging(place, first=first, after=after, last=last, before=before)
        page = await info.context.loaders.api_key_page.load((asked.part, workspace_id))
        return ApiKeyConnection.of(page, ApiKey.of, place=place, workspace_id=workspace_id)

    @resolved("Credits used by conversations, image and video generation.")
    async def conversation_usage(
        self,
        info: Info,
        *,
        filter_by: Annotated[ConversationUsageFilter | None, _FILTER] = strawberry.UNSET,
        order_by: Annotated[ConversationUsageOrder | None, _ORDER] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> ConversationUsageConnection:
        """Return a page of the conversations."""
        return await lists.page(
            lists.CONVERSATIONS,
            info,
            self.access,
            filter_by=filter_by,
            order_by=order_by,
            first=first,
            after=after,
            last=last,
            before=before,
        )

    @resolved("Credits used by calls with an API key.")
    async def mcp_http_calls(
        self,
        info: Info,
        *,
        filter_by: Annotated[McpHttpCallFilter | None, _FILTER] = strawberry.UNSET,
        order_by: Annotated[McpHttpCallOrder | None, _ORDER] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> McpHttpCallConnection:
        """Return a page of the MCP-HTTP calls."""
        return await lists.page(
            lists.MCP_HTTP_CALLS,
            info,
            self.access,
            filter_by=filter_by,
            order_by=order_by,
            first=first,
            after=after,
            last=last,
            before=before,
        )

    @resolved("Credits used by brand and product imports.")
    async def import_usage(
        self,
        info: Info,
        *,
        filter_by: Annotated[ImportUsageFilter | None, _FILTER] = strawberry.UNSET,
        order_by: Annotated[ImportUsageOrder | None, _ORDER] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> ImportUsageConnection:
        """Return a page of the imports."""
        return await lists.page(
            lists.IMPORTS,
            info,
            self.access,
            filter_by=filter_by,
            order_by=order_by,
            first=first,
            after=after,
            last=last,
            before=before,
        )

    @resolved("Credits added or removed for a reason other than usage.")
    async def credit_adjustments(
        self,
        info: Info,
        *,
        filter_by: Annotated[CreditAdjustmentFilter | None, _FILTER] = strawberry.UNSET,
        order_by: Annotated[CreditAdjustmentOrder | None, _ORDER] = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> CreditAdjustmentConnection:
        """Return a page of the adjustments."""
        return await lists.page(
            lists.ADJUSTMENTS,
            info,
            self.access,
            filter_by=filter_by,
            order_by=order_by,
            first=first,
            after=after,
            last=last,
            before=before,
        )

    @resolved(
        "Credits used over time, for charts: UTC buckets, empty ones included.", rows=BUCKETS_MAX
    )
    async def usage_series(
        self,
        info: Info,
        *,
        filter_by: Annotated[
            UsageSeriesFilter, strawberry.argument(description="What the series covers.")
        ],
        granularity: Annotated[
            Granularity, strawberry.argument(description="How long a bucket is.")
        ] = Granularity.DAY,
    ) -> list[UsagePoint]:
        """Return the buckets, oldest first."""
        return await series.points(info, self.access, filter_by=filter_by, granularity=granularity)

    async def _held(self, info: Info) -> LiveSubscription:
        held = await info.context.loaders.subscription.load(self.access.workspace_id)
        assert held is not None, "a workspace is created with a subscription"
        return held

    async def _is_paid(self, info: Info) -> bool:
        held = await self._held(info)
        plans = await info.context.loaders.plans
        return next(plan.kind for plan in plans if plan.id == held.plan_id) is not PlanKind.FREE
