"""The interface of everything that has a global id."""

import strawberry


@strawberry.interface(description="Something with a global id.")
class Node:
    """Something with a global id."""

    id: strawberry.ID = strawberry.field(description="The global id: opaque, and stable for ever.")
