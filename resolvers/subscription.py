"""The root of following: a value at once, and again after each change.

Between two values nothing is held but a place among the followers: no connection, no loader, no
queue. Each value is read anew, for whoever the token names by then and as far as they still may.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry

from billing import access, notices
from billing.access import WorkspaceAccess
from billing.errors import WorkspaceNotFound
from billing.notices import Topic
from resolvers import ids
from resolvers.context import Info
from resolvers.types import checkout
from resolvers.types.balance import CreditBalance
from resolvers.types.checkout import TopUpCheckout

Value = TypeVar("Value")
Method = TypeVar("Method", bound=Callable[..., Any])


def _followed(description: str) -> Callable[[Method], Method]:
    """Make a method that returns a stream a field to follow: Strawberry's, with the types kept."""
    field: Callable[[Method], Method] = strawberry.subscription(description=description)
    return field


# Named otherwise than usual: `Subscription` is what a workspace has subscribed to.
@strawberry.type(description="The root of following: a value at once, and again after each change.")
class SubscriptionRoot:
    """The root of following."""

    @_followed(
        "The credits of a workspace, now and after each change; changes in quick succession come"
        " as one. Ends with the error WORKSPACE_NOT_FOUND for anybody who is not a member, or not"
        " any more."
    )
    def credit_balance_changed(
        self,
        info: Info,
        workspace_id: Annotated[
            strawberry.ID, strawberry.argument(description="The global id of the workspace.")
        ],
    ) -> AsyncGenerator[CreditBalance | None, None]:
        """Follow the balance of a workspace that the viewer may read."""
        access.reader(info.context.viewer)
        key: UUID = ids.decode(workspace_id, "Workspace").key

        async def read(found: WorkspaceAccess) -> CreditBalance:
            balance = await info.context.loaders.balance.load(key)
            assert balance is not None, "a workspace is created with its balance"
            return CreditBalance.of(balance, found)

        return _follow(info, key, notices.balance(key), read)

    @_followed(
        "A purchase of credit packs, now and after each change; null when there is none of that"
        " id. Ends with the error WORKSPACE_NOT_FOUND for anybody who is not a member of its"
        " workspace, or not any more."
    )
    def top_up_checkout_changed(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - Relay's name
            strawberry.ID, strawberry.argument(description="The global id of the purchase.")
        ],
    ) -> AsyncGenerator[TopUpCheckout | None, None]:
        """Follow a purchase of a workspace that the viewer may read."""
        access.reader(info.context.viewer)
        wanted = ids.decode(id, "TopUpCheckout")
        workspace_id = wanted.workspace_id
        assert workspace_id is not None, "a purchase is a workspace's"

        async def read(found: WorkspaceAccess) -> TopUpCheckout | None:
            return await checkout.top_up(info, found, wanted.key)

        topic = notices.checkout(workspace_id, wanted.key)
        return _follow(info, workspace_id, topic, read)


async def _follow(
    info: Info,
    workspace_id: UUID,
    topic: Topic,
    read: Callable[[WorkspaceAccess], Awaitable[Value]],
) -> AsyncGenerator[Value | None, None]:
    """Yield what is read of a workspace, now and whenever the topic has changed.

    Who has left the workspace is told so at once, whatever it is that they follow.
    """
    assert info.context.notices is not None, "who serves subscriptions listens"
    members = notices.members(workspace_id)
    async with info.context.notices.following(topic, members) as follower:
        while True:
            found = await info.context.loaders.workspace.load(workspace_id)
            if found is None:
                raise WorkspaceNotFound(workspace_id)
            yield await read(found)
            await follower.changed()
            await info.context.begin_anew()
