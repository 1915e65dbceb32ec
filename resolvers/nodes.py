"""Anything by its global id, as far as the viewer may see it."""

from collections.abc import Awaitable, Callable, Mapping

from billing import records
from billing.access import WorkspaceAccess
from resolvers import ids
from resolvers.context import Info
from resolvers.ids import GlobalId
from resolvers.types import adjustment, record, usage
from resolvers.types.adjustment import CreditAdjustment
from resolvers.types.checkout import TopUpCheckout, top_up
from resolvers.types.lot import CreditLot, lot
from resolvers.types.node import Node
from resolvers.types.plan import Plan, plan_named
from resolvers.types.usage import ApiKey, ConversationUsage, ImportUsage, McpHttpCall, UsageCharge
from resolvers.types.user import User
from resolvers.types.workspace import Workspace


async def find(info: Info, id_: str) -> Node | None:
    """Return the node of a global id; None when there is none that the viewer may see.

    A thing of a workspace is looked for only when the viewer may read the workspace: what does not
    exist and what is not theirs are the same. Raises InvalidId.
    """
    wanted = ids.decode(id_)
    if wanted.workspace_id is None:
        return await _GLOBAL[wanted.type](info, wanted)

    access = await info.context.loaders.workspace.load(wanted.workspace_id)
    return None if access is None else await _OF_WORKSPACE[wanted.type](info, access, wanted)


async def _user(info: Info, wanted: GlobalId) -> User | None:
    profile = await info.context.loaders.visible_person.load(wanted.key)
    return None if profile is None else User.of(profile)


async def _workspace(info: Info, wanted: GlobalId) -> Workspace | None:
    access = await info.context.loaders.workspace.load(wanted.key)
    return None if access is None else Workspace.of(access)


async def _plan(info: Info, wanted: GlobalId) -> Plan | None:
    return await plan_named(info, wanted.key)


async def _api_key(info: Info, access: WorkspaceAccess, wanted: GlobalId) -> ApiKey | None:
    key = await info.context.loaders.api_key.load((access.workspace_id, wanted.key))
    return None if key is None else ApiKey.of(key)


async def _lot(info: Info, access: WorkspaceAccess, wanted: GlobalId) -> CreditLot | None:
    row = await info.context.loaders.lot.load((access.workspace_id, wanted.key))
    return None if row is None else lot(info, row, access)


async def _charge(info: Info, access: WorkspaceAccess, wanted: GlobalId) -> UsageCharge | None:
    row = await info.context.loaders.charge.load((access.workspace_id, wanted.key))
    return None if row is None else usage.charge(row, access)


async def _top_up(info: Info, access: WorkspaceAccess, wanted: GlobalId) -> TopUpCheckout | None:
    return await top_up(info, access, wanted.key)


async def _adjustment(
    info: Info, access: WorkspaceAccess, wanted: GlobalId
) -> CreditAdjustment | None:
    return await adjustment.adjustment_numbered(info, access, wanted.key)


_OfWorkspace = Callable[[Info, WorkspaceAccess, GlobalId], Awaitable[Node | None]]


def _record(type_: type[Node], list_: type[records.Filter]) -> _OfWorkspace:
    async def find_record(info: Info, access: WorkspaceAccess, wanted: GlobalId) -> Node | None:
        row = await info.context.loaders.record.load((list_, access.workspace_id, wanted.key))
        return None if row is None else record.node(type_, row, wanted.key, access=access)

    return find_record


_GLOBAL: Mapping[str, Callable[[Info, GlobalId], Awaitable[Node | None]]] = {
    "User": _user,
    "Workspace": _workspace,
    "Plan": _plan,
}
_OF_WORKSPACE: Mapping[str, _OfWorkspace] = {
    "ApiKey": _api_key,
    "ConversationUsage": _record(ConversationUsage, records.ConversationFilter),
    "CreditAdjustment": _adjustment,
    "CreditLot": _lot,
    "ImportUsage": _record(ImportUsage, records.ImportFilter),
    "McpHttpCall": _record(McpHttpCall, records.McpHttpCallFilter),
    "TopUpCheckout": _top_up,
    "UsageCharge": _charge,
}
