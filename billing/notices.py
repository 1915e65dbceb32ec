"""What subscriptions are told: that something of a workspace has changed, and never what.

    notices.announce(session, notices.balance(workspace_id))

belongs to the transaction that makes the change, and is told when it has been committed. A notice
is a hint to read again: one that is lost, told twice or told for nothing does no harm to anybody
who reads again whenever they have listened anew.
"""

from contextlib import AbstractAsyncContextManager
from typing import NewType, Protocol
from uuid import UUID

from models import channel
from models.database import Session

Topic = NewType("Topic", str)
"""What can change."""


def balance(workspace_id: UUID) -> Topic:
    """Return the topic of a workspace's credits."""
    return Topic(f"balance {workspace_id.hex}")


def members(workspace_id: UUID) -> Topic:
    """Return the topic of who is in a workspace, and as what."""
    return Topic(f"members {workspace_id.hex}")


def checkout(workspace_id: UUID, checkout_id: UUID) -> Topic:
    """Return the topic of one purchase."""
    return Topic(f"checkout {workspace_id.hex} {checkout_id.hex}")


def announce(session: Session, *topics: Topic) -> None:
    """Tell who follows the topics, in whatever process, once the transaction is committed."""
    for topic in topics:
        channel.announce(session, topic)


class Follower(Protocol):
    """Somebody who follows some topics."""

    async def changed(self) -> None:
        """Return when something may have changed since this was last called.

        However much has changed meanwhile, it is one change.
        """
        ...


class Notices(Protocol):
    """Where topics are followed."""

    def following(self, *topics: Topic) -> AbstractAsyncContextManager[Follower]:
        """Follow topics within a block; read what they are about after it has begun."""
        ...
