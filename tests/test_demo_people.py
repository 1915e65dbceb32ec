"""The people of the demo: for its own page, on this machine, and for nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from starlette.applications import Starlette

from billing.access import Person
from gateway import app, demo
from gateway.auth import Authenticator
from gateway.demo_people import PATH
from gateway.settings import Settings

SECRET = "a shared secret of thirty-two bytes or more"
NOWHERE = "postgresql+asyncpg://gateway@127.0.0.1:1/gateway"
SETTINGS = Settings.model_validate(
    {"database_url": NOWHERE, "auth_shared_secret": SECRET, "worker": False}
)
OURS = "http://127.0.0.1:8000"


async def test_each_role_of_the_demo_has_a_person_to_sign_in_as() -> None:
    """Nobody keeps the answer, and no page but ours may read it."""
    async with asking() as client:
        answer = await client.get(PATH)
    assert answer.status_code == 200
    assert [(each["role"], each["name"], each["email"]) for each in answer.json()["people"]] == [
        ("OWNER", "Olivia Bennett", "demo-owner@example.com"),
        ("ADMIN", "Amir Haddad", "demo-admin@example.com"),
        ("MEMBER", "Mei Lindqvist", "demo-member@example.com"),
    ]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_token_names_its_person_for_twelve_hours_from_now() -> None:
    """It is made for the request, so that a page may stay open for longer than the token."""
    before = datetime.now(UTC).replace(microsecond=0)
    async with asking() as client:
        people = (await client.get(PATH)).json()["people"]
    authenticator = Authenticator(SETTINGS)
    viewers = [await authenticator.authenticate(f"Bearer {each['token']}") for each in people]
    assert viewers == [Person("demo-owner"), Person("demo-admin"), Person("demo-member")]
    for each in people:
        claims = jwt.decode(each["token"], SECRET, algorithms=["HS256"])
        assert before <= datetime.fromtimestamp(claims["iat"], UTC) <= datetime.now(UTC)
        assert claims["exp"] - claims["iat"] == timedelta(hours=12).total_seconds()


async def test_without_the_demo_there_are_no_people() -> None:
    """The application of `gateway serve` has no such route, whatever its settings are."""
    async with asking(app.create_app(SETTINGS)) as client:
        answer = await client.get(PATH)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": "null"},
        {"Host": "evil.example:8000"},
        {"Host": "127.0.0.1.evil.example"},
        {"X-Forwarded-Host": "127.0.0.1", "Host": "gateway.example"},
    ],
    ids=str,
)
async def test_the_page_of_another_site_learns_nothing(headers: dict[str, str]) -> None:
    """Neither by asking as itself nor by a name of its own that leads here."""
    async with asking() as client:
        answer = await client.get(PATH, headers=headers)
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})


@pytest.mark.parametrize("address", ["192.168.1.7", "203.0.113.9", "2001:db8::1"])
async def test_another_machine_learns_nothing(address: str) -> None:
    """Though it may call this one by what it calls itself."""
    async with asking(client=address) as client:
        answer = await client.get(PATH)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (OURS, {"Sec-Fetch-Site": "same-origin"}),
        (OURS, {"Sec-Fetch-Site": "none"}),
        (OURS, {"Sec-Fetch-Site": "same-origin", "Origin": OURS}),
        ("http://localhost:8000", {}),
        ("http://[::1]:8000", {}),
    ],
    ids=str,
)
async def test_our_own_page_is_answered(url: str, headers: dict[str, str]) -> None:
    """By whichever name the person has called this machine."""
    async with asking() as client:
        answer = await client.get(f"{url}{PATH}", headers=headers)
    assert answer.status_code == 200


async def test_people_are_only_read() -> None:
    """There is nothing to send."""
    async with asking() as client:
        answer = await client.post(PATH)
    assert answer.status_code == 405


# Helpers


@asynccontextmanager
async def asking(
    asked: Starlette | None = None, *, client: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the demo's application, or of another, that asks from an address."""
    application = demo.create_app(SETTINGS) if asked is None else asked
    transport = httpx.ASGITransport(application, client=(client, 50_000))
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url=OURS) as asking,
    ):
        yield asking
