"""The root of reading."""

from typing import Annotated, cast

import strawberry

from billing import access, workspaces
from billing.access import Person
from resolvers import ids, nodes
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.ids import IDS_MAX, refuse_many
from resolvers.types.node import Node
from resolvers.types.plan import Plan
from resolvers.types.user import User
from resolvers.types.workspace import Workspace

_ID = strawberry.argument(description="A global id.")


@strawberry.type(description="The root of reading.")
class Query:
    """The root of reading."""

    @resolved(
        "Who is asking; null without a token, for a service, and for a person whom the host"
        " product has not registered yet (`upsertWorkspace`)."
    )
    async def viewer(self, info: Info) -> User | None:
        """Return the person of the token."""
        viewer = info.context.viewer
        if not isinstance(viewer, Person):
            return None
        profile = await workspaces.person(info.context.snapshot, subject=viewer.subject)
        return None if profile is None else User.of(profile)

    @resolved("A workspace; null when it does not exist or the viewer is no member.")
    async def workspace(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _ID],  # noqa: A002 - Relay's name
    ) -> Workspace | None:
        """Return the workspace if the viewer may read it."""
        access.reader(info.context.viewer)
        wanted = ids.decode(id, "Workspace")
        found = await info.context.loaders.workspace.load(wanted.key)
        return None if found is None else Workspace.of(found)

    @resolved("The plans on sale, in rank order. Needs no token.")
    async def plans(self, info: Info) -> list[Plan]:
        """Return the public catalogue."""
        offers = await info.context.loaders.plans
        return [Plan.of(offer) for offer in offers if not offer.archived]

    @resolved("Anything by its id; null when it does not exist or is not for the viewer.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _ID],  # noqa: A002 - Relay's name
    ) -> Node | None:
        """Return the node of an id."""
        return await nodes.find(info, id)

    @resolved(f"Things by their ids, in their order; at most {IDS_MAX}.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids.")],
    ) -> list[Node | None]:
        """Return the nodes of the ids, for graphql-core to await: each can fail by itself."""
        refuse_many(ids)
        return cast("list[Node | None]", [nodes.find(info, id_) for id_ in ids])
