"""Every table: importing this module fills `Base.metadata`."""

from models import ledger, plan, stripe, subscription, usage, workspace
from models.base import Base

metadata = Base.metadata

__all__ = ["ledger", "metadata", "plan", "stripe", "subscription", "usage", "workspace"]
