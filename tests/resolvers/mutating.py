"""Asking for mutations: the services that may, and one document for each."""

from collections.abc import Mapping
from typing import Any

from billing.access import Scope, Service, Viewer
from tests.resolvers.world import World

RECORDER = Service("recorder", frozenset({Scope.USAGE_WRITE}))
TREASURER = Service("treasurer", frozenset({Scope.CREDITS_WRITE}))
REGISTRAR = Service("registrar", frozenset({Scope.WORKSPACES_WRITE}))
ALMIGHTY = Service("almighty", frozenset(Scope))

_ERRORS = "userErrors { code message path }"

RECORD_USAGE = f"""mutation($input: RecordUsageInput!) {{ recordUsage(input: $input) {{
    results {{ eventId status reason }} balance {{ remaining overdraft }} {_ERRORS}
}} }}"""

ADJUST_CREDITS = f"""mutation($input: AdjustCreditsInput!) {{ adjustCredits(input: $input) {{
    balance {{ remaining overdraft }} {_ERRORS}
}} }}"""

UPSERT_WORKSPACE = f"""mutation($input: UpsertWorkspaceInput!) {{ upsertWorkspace(input: $input) {{
    workspaceId {_ERRORS}
}} }}"""

UPSERT_API_KEY = f"""mutation($input: UpsertApiKeyInput!) {{ upsertApiKey(input: $input) {{
    apiKey {{ id name createdAt revokedAt }} {_ERRORS}
}} }}"""


async def mutate(
    world: World, document: str, viewer: Viewer | None, input_: Mapping[str, Any]
) -> Any:
    """Return the payload of the document's only mutation, which has no errors of the field."""
    answer = await world.answer(document, viewer, input=input_)
    [payload] = answer.values()
    return payload


def refusal(payload: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the code and the path of a payload's only user error; it holds nothing else."""
    [error] = payload["userErrors"]
    assert error["message"]
    rest = {name: value for name, value in payload.items() if name != "userErrors"}
    assert rest == dict.fromkeys(rest)
    return error["code"], error["path"]
