"""The root of writing."""

import strawberry

from resolvers.mutations import credits, usage, workspaces  # noqa: A004 - the trade's word


@strawberry.type(description="The root of writing: one input each, refusals in `userErrors`.")
class Mutation:
    """The root of writing."""

    record_usage = usage.record_usage
    adjust_credits = credits.adjust_credits
    upsert_workspace = workspaces.upsert_workspace
    upsert_api_key = workspaces.upsert_api_key
