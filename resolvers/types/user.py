"""People, and the workspaces that they are in."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.relay import PageInfo

from billing.access import Person, WorkspaceAccess
from billing.workspaces import Profile
from resolvers import connection, cursors, ids
from resolvers.connection import After, Before, First, Last, Place
from resolvers.context import Info
from resolvers.cursors import Cursor
from resolvers.fields import resolved
from resolvers.types.enums import Role
from resolvers.types.node import Node

if TYPE_CHECKING:
    from resolvers.types.workspace import Workspace

LazyWorkspace = Annotated["Workspace", strawberry.lazy("resolvers.types.workspace")]


@strawberry.type(description="A workspace of a person, and their role in it.")
class UserWorkspaceEdge:
    """A workspace of a person."""

    cursor: str = strawberry.field(description="Where the row stands in its list.")
    node: LazyWorkspace = strawberry.field(description="The workspace.")
    role: Role = strawberry.field(description="The person's role in it.")


@strawberry.type(description="A page of a person's workspaces, in the order they joined them.")
class UserWorkspaceConnection:
    """A page of a person's workspaces."""

    edges: list[UserWorkspaceEdge] = strawberry.field(description="The workspaces with roles.")
    nodes: list[LazyWorkspace] = strawberry.field(description="The workspaces.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in its list.")

    @resolved("How many workspaces the person is in.")
    async def total_count(self, info: Info) -> int:
        """Return the number of one's own workspaces."""
        return await info.context.loaders.membership_count


@strawberry.type(description="A person.")
class User(Node):
    """A person."""

    profile: strawberry.Private[Profile]
    name: str = strawberry.field(description="What they are called.")
    email: str = strawberry.field(description="Their email address.")

    @classmethod
    def of(cls, profile: Profile) -> "User":
        """Return the GraphQL value of a person whom the viewer may see."""
        return cls(
            id=strawberry.ID(ids.encode("User", profile.id)),
            profile=profile,
            name=profile.name,
            email=profile.email,
        )

    @resolved("The workspaces that the person is in; null unless they are you.")
    async def workspaces(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> UserWorkspaceConnection | None:
        """Return a page of one's own workspaces."""
        from resolvers.types.workspace import Workspace  # noqa: PLC0415 - the types are a circle

        viewer = info.context.viewer
        if not isinstance(viewer, Person) or self.profile.subject != viewer.subject:
            return None
        place = Place(cursors.fingerprint("User.workspaces", self.profile.id))
        asked = connection.paging(place, first=first, after=after, last=last, before=before)
        page = await info.context.loaders.membership_page.load(asked.part)
        marks = [
            cursors.encode(Cursor(position, None), place.fingerprint) for position in page.positions
        ]
        nodes = [
            Workspace.of(WorkspaceAccess(row.id, row.name, row.created_at, row.role, row.user_id))
            for row in page.rows
        ]
        edges = [
            UserWorkspaceEdge(cursor=mark, node=node, role=row.role)
            for mark, node, row in zip(marks, nodes, page.rows, strict=True)
        ]
        return UserWorkspaceConnection(
            edges=edges, nodes=nodes, page_info=connection.page_info(page, marks)
        )
