"""Every table: importing this module fills `Base.metadata`."""

from models import jobs, ledger, plan, stripe, subscription, usage, workspace
from models.base import Base

metadata = Base.metadata

__all__ = ["jobs", "ledger", "metadata", "plan", "stripe", "subscription", "usage", "workspace"]
