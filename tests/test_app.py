"""The application: its paths, its headers, its line a request, its settings."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import text
from structlog.testing import LogCapture

from billing.access import Person
from gateway import auth, observability, stripe_account, stripe_transport, webhooks
from gateway.app import create_app
from gateway.settings import Settings
from models import migration
from models.database import Database
from resolvers import ids
from sandbox.webhooks import sign
from tests import postgres
from tests.billing.factories import add_place

SECRET = "a shared secret of thirty-two bytes or more"
NOWHERE = "postgresql+asyncpg://gateway@127.0.0.1:1/gateway"


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of an application with these settings; the database is nowhere by default."""
    known: dict[str, Any] = {"database_url": NOWHERE, "auth_shared_secret": SECRET}
    app = create_app(Settings(**(known | settings)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client,
    ):
        yield client


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Give the address of a server that takes requests and never answers."""

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(read, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


def bearer(subject: str = "ada") -> dict[str, str]:
    """Return the headers of a person's request."""
    token = auth.issue_development_token(
        Settings(auth_shared_secret=SECRET),
        viewer=Person(subject),
        lifetime=timedelta(minutes=10),
        now=datetime.now(UTC),
    )
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """Capture what is logged."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture.entries
    structlog.configure(**before)


# Probes


async def test_the_gateway_is_alive_without_a_database() -> None:
    """Its death would help nobody."""
    async with opened() as client:
        answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_gateway_is_ready_with_a_migrated_database(database_url: str) -> None:
    """Each check is told."""
    async with opened(database_url=database_url) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": "reachable", "migrations": "current"},
    }


async def test_the_gateway_is_not_ready_before_its_migrations(postgres_url: str) -> None:
    """And becomes so when they have been applied, without a restart."""
    async with postgres.database(postgres_url) as url, opened(database_url=url) as client:
        before = await client.get("/readyz")
        await migration.migrate(url)
        after = await client.get("/readyz")
    assert (before.status_code, before.json()["status"]) == (503, "unready")
    assert before.json()["checks"] == {"database": "reachable", "migrations": "pending"}
    assert after.status_code == 200


async def test_the_gateway_is_not_ready_without_its_database() -> None:
    """It says which check failed, and nothing of the address."""
    async with opened() as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "unreachable", "migrations": "unknown"}


# Who asks


async def test_the_viewer_is_who_the_token_names(database_url: str) -> None:
    """Nobody without one."""
    async with opened(database_url=database_url) as client:
        nobody = await client.post("/graphql", json={"query": "{ viewer { id } }"})
    assert nobody.json() == {"data": {"viewer": None}}


async def test_a_bad_token_is_refused_before_anything_is_read() -> None:
    """With its reason, which does not change, and never taken for nobody's request."""
    async with opened() as client:
        for headers, reason in (
            ({"Authorization": "Bearer x"}, "MALFORMED"),
            ({"Authorization": "Basic x"}, "UNSUPPORTED_SCHEME"),
        ):
            answer = await client.post(
                "/graphql", json={"query": "{ plans { id } }"}, headers=headers
            )
            assert answer.status_code == 401
            (error,) = answer.json()["errors"]
            assert error["extensions"] == {"code": "UNAUTHENTICATED", "reason": reason}
            assert "data" not in answer.json()


async def test_two_authorization_headers_are_refused() -> None:
    """Whichever of them is right: a proxy may have looked at the other."""
    (good,) = bearer().values()
    async with opened() as client:
        answer = await client.post(
            "/graphql",
            json={"query": "{ viewer { id } }"},
            headers=[("Authorization", good), ("Authorization", good)],
        )
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["reason"] == "MALFORMED"


# The settings hold


@pytest.mark.parametrize(
    ("setting", "query", "code"),
    [
        ({"limit_depth": 1}, "{ plans { id } }", "DEPTH_LIMIT_EXCEEDED"),
        ({"limit_aliases": 1}, "{ a: plans { id } b: plans { id } }", "ALIAS_LIMIT_EXCEEDED"),
        ({"limit_root_fields": 1}, "{ __typename viewer { id } }", "ROOT_FIELD_LIMIT_EXCEEDED"),
        ({"limit_tokens": 10}, "{ plans { id name rank id name rank } }", "TOKEN_LIMIT_EXCEEDED"),
        (
            {"limit_directives": 0},
            "{ plans @include(if: true) { id } }",
            "DIRECTIVE_LIMIT_EXCEEDED",
        ),
        (
            {"limit_fragments": 0},
            "{ ...f } fragment f on Query { plans { id } }",
            "FRAGMENT_LIMIT_EXCEEDED",
        ),
        (
            {"limit_introspections": 0},
            "{ __schema { types { name } } }",
            "INTROSPECTION_LIMIT_EXCEEDED",
        ),
        ({"limit_objects": 9}, "{ plans { id } }", "OBJECT_LIMIT_EXCEEDED"),
        (
            {"limit_values": 2},
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            "VALUE_LIMIT_EXCEEDED",
        ),
        ({"introspection": False}, "{ __schema { types { name } } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
    ids=str,
)
async def test_a_limit_of_the_settings_holds(
    setting: dict[str, Any], query: str, code: str
) -> None:
    """The document is refused before anything runs."""
    async with opened(**setting) as client:
        answer = await client.post(
            "/graphql", json={"query": query, "variables": {"ids": ["a", "b"]}}
        )
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {code}
    assert "data" not in answer.json()


async def test_a_large_body_is_refused() -> None:
    """413 from the byte after the limit."""
    async with opened(limit_body_bytes=1_024) as client:
        answer = await client.post("/graphql", json={"query": "{ plans { id } }" + " " * 1_024})
    assert answer.status_code == 413


async def test_an_operation_that_takes_too_long_is_cancelled(database_url: str) -> None:
    """After the time that is set."""
    async with opened(database_url=database_url, operation_timeout_seconds=0.000_001) as client:
        answer = await client.post("/graphql", json={"query": "{ plans { id } }"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"


async def test_graphiql_can_be_left_out() -> None:
    """And a browser is not sent there."""
    async with opened(graphiql=False) as client:
        assert (await client.get("/graphiql")).status_code == 404
        answer = await client.get("/graphql", headers={"Accept": "text/html"})
    assert "Location" not in answer.headers


async def test_only_the_origins_that_are_set_may_call() -> None:
    """The answer to another names none."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
    async with opened(cors_origins=("https://app.example.com",)) as client:
        for origin, allowed in (
            ("https://app.example.com", "https://app.example.com"),
            ("https://evil.example.com", None),
        ):
            answer = await client.options("/graphql", headers={"Origin": origin} | asked)
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
            assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_metrics_are_served_only_where_they_are_wanted() -> None:
    """With the operations by type."""
    async with opened() as client:
        assert (await client.get("/metrics")).status_code == 404
    async with opened(metrics=True) as client:
        await client.post("/graphql", json={"query": "{ __typename }"})
        told = (await client.get("/metrics")).text
    for name in (
        'gateway_requests_total{route="/graphql",status="200"}',
        'gateway_operations_total{outcome="ok",type="query"}',
        'gateway_operation_seconds_count{type="query"}',
        "gateway_requests_in_flight 1.0",
        "gateway_database_connections_in_use 0.0",
    ):
        assert name in told


async def test_a_provider_that_hangs_is_named_before_the_operation_is_over(
    database_url: str,
) -> None:
    """Although one call may take longer than an operation does."""
    database = Database(database_url)
    place = await add_place(database)
    await database.close()
    document = """mutation($input: CreateCustomerPortalSessionInput!) {
        createCustomerPortalSession(input: $input) { url userErrors { code } }
    }"""
    asked = {
        "workspaceId": ids.encode("Workspace", place.workspace_id),
        "returnUrl": "https://app.test/billing",
    }
    async with silent_server() as address:
        settings: dict[str, Any] = {
            "database_url": database_url,
            "operation_timeout_seconds": 2.0,
            "stripe_secret_key": "sk_test_of_nobody",
            "stripe_api_base": address,
            "return_origins": "https://app.test",
            "worker": False,
        }
        async with opened(**settings) as client:
            answer = await client.post(
                "/graphql",
                json={"query": document, "variables": {"input": asked}},
                headers=bearer(str(place.user_id)),
            )

    refusal = {"url": None, "userErrors": [{"code": "PAYMENTS_UNAVAILABLE"}]}
    assert answer.json() == {"data": {"createCustomerPortalSession": refusal}}


@pytest.mark.parametrize(("operation_seconds", "seconds"), [(10.0, 8.0), (3_600.0, 24.0)])
def test_asking_a_provider_ends_before_the_operation_and_its_lease(
    operation_seconds: float, seconds: float
) -> None:
    """The lease is half a minute."""
    settings = Settings(operation_timeout_seconds=operation_seconds)

    assert stripe_account.operation_seconds(settings) == seconds


async def test_requests_that_wait_for_connections_hold_up_no_event(database_url: str) -> None:
    """All that requests have are taken: what was paid is heard of all the same."""
    body = json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": "charge.captured",
            "api_version": stripe_transport.API_VERSION,
            "livemode": False,
            "created": int(time.time()),
            "data": {"object": {"id": "ch_1", "object": "charge"}},
        }
    )
    settings: dict[str, Any] = {
        "database_url": database_url,
        "database_pool_size": 1,
        "stripe_secret_key": "sk_test_of_nobody",
        "stripe_webhook_secret": "whsec_1",
        "worker": False,
    }
    outside = Database(database_url)
    try:
        async with opened(**settings) as client, outside.write() as session:
            await session.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
            asking = asyncio.create_task(
                client.post("/graphql", json={"query": "{ viewer { name } }"}, headers=bearer())
            )
            async with asyncio.timeout(5):
                await postgres.until_somebody_waits(outside)
                answer = await client.post(
                    webhooks.PATH,
                    content=body,
                    headers={"Stripe-Signature": sign(body, "whsec_1", int(time.time()))},
                )
            assert not asking.done()
            await session.rollback()
            assert (await asking).status_code == 200
    finally:
        await outside.close()
    assert (answer.status_code, answer.json()) == (200, {"received": True})


# Headers


async def test_every_answer_is_guarded() -> None:
    """Also one that tells of a failure; pages bring a policy of their own."""
    async with opened() as client:
        for path in ("/healthz", "/graphql", "/nowhere", "/graphiql"):
            headers = (await client.get(path)).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert "Server" not in headers
            assert "Strict-Transport-Security" not in headers
        encrypted = await client.get("https://gateway.test/healthz")
    assert encrypted.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("given", ["7d444840-9dc0", "trace/1:2=3+x.y_z", "a" * 128])
async def test_a_request_keeps_its_id(given: str) -> None:
    """So that a line can be found by what a proxy or a client wrote down."""
    async with opened() as client:
        answer = await client.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", " ", "a" * 129, "a b", "a\x01", "é", '{"a":1}'])
async def test_a_request_without_a_usable_id_gets_one(given: str) -> None:
    """What could be mistaken in a log is not taken over."""
    async with opened() as client:
        answers = [
            await client.get("/healthz", headers={b"X-Request-ID": given.encode()})
            for _ in range(2)
        ]
    ids = {answer.headers["X-Request-ID"] for answer in answers}
    assert len(ids) == 2
    assert all(len(each) == 32 for each in ids)


async def test_an_unknown_path_is_answered_in_json() -> None:
    """As is a method that a path does not take."""
    async with opened() as client:
        missing = await client.get("/nowhere")
        wrong = await client.post("/healthz")
    assert (missing.status_code, missing.json()) == (404, {"error": "Not Found"})
    assert (wrong.status_code, wrong.json()) == (405, {"error": "Method Not Allowed"})


# The log


async def test_a_request_is_one_line(database_url: str, lines: list[Any]) -> None:
    """What was asked, how it went, how long it took, how many statements it needed."""
    async with opened(database_url=database_url) as client:
        await client.post(
            "/graphql?secret=1",
            json={"query": "query Page { plans { id } }"},
            headers={"X-Request-ID": "one"},
        )
    (line,) = [line for line in lines if line["event"] == "request"]
    assert line.pop("duration_ms") > 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "operation_name": "Page",
        "operation_type": "query",
        "errors": 0,
        "statements": 1,
        "request_id": "one",
    }


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("query A { nothing }", {"errors": 1, "operation_name": None}),
        ("{", {"errors": 1, "operation_name": None}),
        (
            'query B { node(id: "x") { id } viewer { id } }',
            {"errors": 1, "operation_name": "B", "operation_type": "query", "statements": 0},
        ),
    ],
)
async def test_a_line_tells_how_many_errors_there_were(
    lines: list[Any], query: str, told: dict[str, Any]
) -> None:
    """Whether nothing ran or a field failed."""
    async with opened() as client:
        await client.post("/graphql", json={"query": query})
    (line,) = [line for line in lines if line["event"] == "request"]
    assert {name: line.get(name) for name in told} == told


async def test_neither_tokens_nor_variables_are_logged(database_url: str, lines: list[Any]) -> None:
    """Whether the request is answered, refused or malformed."""
    headers = bearer()
    query = "query Find($id: ID!) { workspace(id: $id) { id } }"
    async with opened(database_url=database_url) as client:
        bodies: tuple[dict[str, Any], ...] = (
            {"query": query, "variables": {"id": "hunter2"}},
            {"query": query, "variables": {"id": ["hunter2"]}},
            {"query": '{ workspace(id: "hunter2") { nothing } }'},
        )
        for body in bodies:
            await client.post("/graphql", json=body, headers=headers)
            await client.get("/graphql", params={"query": body["query"]}, headers=headers)
        forged = {"Authorization": headers["Authorization"][:-2] + "AA"}
        await client.post("/graphql", json={"query": query}, headers=forged)
    assert len([line for line in lines if line["event"] == "request"]) == 7
    written = repr(lines)
    assert "hunter2" not in written
    assert headers["Authorization"].removeprefix("Bearer ")[:20] not in written


async def test_probes_are_written_for_debugging_only(lines: list[Any]) -> None:
    """They come every few seconds."""
    async with opened() as client:
        await client.get("/healthz")
    assert [line["log_level"] for line in lines if line["event"] == "request"] == ["debug"]


def test_a_line_is_json_without_the_values_of_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ours and the libraries' alike; what JSON cannot hold is still written."""
    before = structlog.get_config(), logging.root.handlers, logging.root.level
    try:
        observability.configure_logging(Settings(log_format="json"))
        _fail_with("hunter2")
        logging.getLogger("library").warning("from a library")
        structlog.get_logger("ours").info("strange", text="\ud800", number=2**80, thing=object)
        structlog.get_logger("ours").debug("never")
    finally:
        structlog.configure(**before[0])
        logging.root.handlers, logging.root.level = before[1], before[2]
        logging.captureWarnings(capture=False)
    written = capsys.readouterr().err
    events = [json.loads(line) for line in written.splitlines()]
    assert [line["event"] for line in events] == ["failed", "from a library", "strange"]
    assert "ZeroDivisionError" in events[0]["exception"]
    assert "hunter2" not in written
    assert events[2]["number"] == 2**80


def _fail_with(secret: str) -> None:
    try:
        _ = len(secret) / 0
    except ZeroDivisionError:
        structlog.get_logger("ours").exception("failed")
