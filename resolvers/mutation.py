"""The root of writing."""

import strawberry

from resolvers.mutations import (
    credits,  # noqa: A004 - the trade's word
    plans,
    portal,
    topups,
    usage,
    workspaces,
)


@strawberry.type(description="The root of writing: one input each, refusals in `userErrors`.")
class Mutation:
    """The root of writing."""

    record_usage = usage.record_usage
    adjust_credits = credits.adjust_credits
    upsert_workspace = workspaces.upsert_workspace
    upsert_api_key = workspaces.upsert_api_key
    switch_plan = plans.switch_plan
    cancel_pending_plan_change = plans.cancel_pending_plan_change
    create_top_up_checkout = topups.create_top_up_checkout
    create_customer_portal_session = portal.create_customer_portal_session
