"""GraphQL as a person or a service sends it: over HTTP, with a token of their own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from billing.access import Person, Scope, Service, Viewer
from gateway import auth, settings
from tests.gateway_process import SECRET

HOST_PRODUCT = Service("host", frozenset(Scope))
"""The service that may everything that a service may."""

_LIFETIME = timedelta(hours=12)


class Failed(AssertionError):
    """An operation was answered with errors of its own; `codes` are theirs."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(str(errors))
        self.codes = [error.get("extensions", {}).get("code") for error in errors]


@dataclass(frozen=True)
class Client:
    """A viewer and the gateway."""

    http: httpx.AsyncClient
    token: str

    async def ask(self, document: str, /, **variables: Any) -> dict[str, Any]:
        """Return the answer's `data`. Raises Failed when there are errors."""
        answer = await self.http.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        body = answer.json()
        if "errors" in body:
            raise Failed(body["errors"])
        data: dict[str, Any] = body["data"]
        return data

    async def mutate(self, name: str, selection: str, /, **fields: Any) -> dict[str, Any]:
        """Run a mutation with an input of `fields`; return its payload, refused or not."""
        kind = f"{name[0].upper()}{name[1:]}Input"
        document = (
            f"mutation ($input: {kind}!) {{ answer: {name}(input: $input)"
            f" {{ {selection} userErrors {{ code message path }} }} }}"
        )
        answer: dict[str, Any] = (await self.ask(document, input=fields))["answer"]
        return answer


def client(http: httpx.AsyncClient, viewer: Viewer) -> Client:
    """Return a client with a token for a viewer; tokens keep the real time."""
    issuing = settings.Settings(auth_shared_secret=SECRET)
    now = datetime.now(UTC)
    token = auth.issue_development_token(issuing, viewer=viewer, lifetime=_LIFETIME, now=now)
    return Client(http, token)


def person(http: httpx.AsyncClient, subject: str) -> Client:
    """Return a client of a person."""
    return client(http, Person(subject))


def codes(payload: dict[str, Any]) -> list[str]:
    """Return the codes of a payload's user errors."""
    return [error["code"] for error in payload["userErrors"]]
