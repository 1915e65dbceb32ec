"""GraphQL over HTTP, case by case, against a real server."""

import asyncio
import gzip
import json
import logging
from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from gateway.limits import HTTPLimits
from tests.http import world as worlds
from tests.http.world import LIMITS, SECRET, World

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


def _assert_refused(answer: httpx.Response, status: int, code: str, media_type: str) -> None:
    """Every refusal is a GraphQL document with one coded error and no data."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "accept" in answer.headers["vary"].lower()
    content = answer.json()
    assert list(content) == ["errors"]
    assert [error["extensions"]["code"] for error in content["errors"]] == [code]


async def _ask(client: httpx.AsyncClient, query: str, **options: Any) -> httpx.Response:
    headers = {"Accept": GRAPHQL} | options.pop("headers", {})
    return await client.post("/graphql", json={"query": query, **options}, headers=headers)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON};q=0.9", JSON),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"*/*, {GRAPHQL};q=0", JSON),
        (
            f"{GRAPHQL}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed",
            GRAPHQL,
        ),
        (f"{JSON}, multipart/mixed", JSON),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", JSON),
    ],
)
async def test_the_media_type_is_the_one_that_the_client_prefers(
    client: httpx.AsyncClient, accept: str | None, media_type: str
) -> None:
    """Each answer is in UTF-8, is never stored, and depends on `Accept`."""
    request = client.build_request("POST", "/graphql", json={"query": '{ echo(text: "é") }'})
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept

    answer = await client.send(request)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "Accept" in answer.headers["vary"]
    assert answer.content == '{"data":{"echo":"é"}}'.encode()


@pytest.mark.parametrize("accept", ["text/html", "image/png, text/plain", f"{JSON};q=0", "*/*;q=0"])
async def test_what_cannot_be_answered_is_not_acceptable(
    client: httpx.AsyncClient, world: World, accept: str
) -> None:
    """406, and nothing runs."""
    bumps = world.bumps

    answer = await _ask(client, "mutation { bump }", headers={"Accept": accept})

    _assert_refused(answer, 406, "NOT_ACCEPTABLE", JSON)
    assert world.bumps == bumps


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", None, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query ($r: Range!) { ranged(within: $r) }", {"r": {}}, "BAD_USER_INPUT"),
        ("query ($r: Range!) { ranged(within: $r) }", None, "BAD_USER_INPUT"),
        ("query A { viewer } query B { viewer }", None, "OPERATION_RESOLUTION_FAILURE"),
        ("query ($t: String) { echo(text: $t) }", {"t": "\0"}, "BAD_USER_INPUT"),
    ],
)
async def test_a_request_error_has_no_data(
    client: httpx.AsyncClient, query: str, variables: object, code: str
) -> None:
    """It is a 400, and for older clients a 200, as the draft asks; never with `data`."""
    body = {"query": query, "variables": variables}

    modern = await client.post("/graphql", json=body, headers={"Accept": GRAPHQL})
    older = await client.post("/graphql", json=body, headers={"Accept": JSON})

    _assert_refused(modern, 400, code, GRAPHQL)
    _assert_refused(older, 200, code, JSON)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'"text"',
        b"1",
        b"true",
        b"[]",
        b'[{"query": "{ viewer }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 1}',
        b'{"query": "{ viewer }", "variables": []}',
        b'{"query": "{ viewer }", "variables": "{}"}',
        b'{"query": "{ viewer }", "extensions": 1}',
        b'{"query": "{ viewer }", "operationName": {}}',
        b'{"query": "{ viewer }"',
        b'{"query": "{ viewer }", "variables": {"a": NaN}}',
        b'{"query": "\xff"}',
        b'{"query": "\xed\xa0\x80"}',
        b'{"query": "{ viewer }", "variables": {"a": "\\ud800"}}',
        '{"query": "{ viewer }"}'.encode("utf-16"),
        b'{"query": "{ viewer }", "variables": {"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}",
        b"[" * 8_000,
        b'{"a":' * 3_000,
    ],
)
async def test_a_malformed_body_is_a_bad_request(client: httpx.AsyncClient, body: bytes) -> None:
    """400 in either media type, with a document, whatever the bytes are."""
    for media_type in (GRAPHQL, JSON):
        answer = await client.post(
            "/graphql", content=body, headers={"Content-Type": JSON, "Accept": media_type}
        )
        _assert_refused(answer, 400, "BAD_REQUEST", media_type)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": ""},
        {"query": "{ viewer }", "variables": "{"},
        {"query": "{ viewer }", "variables": "[]"},
        {"query": "{ viewer }", "extensions": '"x"'},
    ],
)
async def test_a_malformed_query_string_is_a_bad_request(
    client: httpx.AsyncClient, parameters: dict[str, str]
) -> None:
    """A query by GET is read as strictly as a body."""
    answer = await client.get("/graphql", params=parameters, headers={"Accept": GRAPHQL})

    _assert_refused(answer, 400, "BAD_REQUEST", GRAPHQL)


async def test_a_query_can_be_sent_by_get(client: httpx.AsyncClient) -> None:
    """Empty parameters count as left out."""
    parameters = {
        "query": "query A($t: String!) { echo(text: $t) } query B { viewer }",
        "variables": '{"t": "x&y"}',
        "operationName": "A",
        "extensions": "",
    }

    answer = await client.get("/graphql", params=parameters, headers={"Accept": GRAPHQL})

    assert answer.json() == {"data": {"echo": "x&y"}}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL, "text/event-stream"])
async def test_a_mutation_by_get_runs_nothing(
    client: httpx.AsyncClient, world: World, accept: str
) -> None:
    """405 says to post it."""
    bumps = world.bumps

    answer = await client.get(
        "/graphql", params={"query": "mutation { bump }"}, headers={"Accept": accept}
    )

    _assert_refused(answer, 405, "METHOD_NOT_ALLOWED", JSON if accept != GRAPHQL else GRAPHQL)
    assert answer.headers["allow"] == "POST"
    assert world.bumps == bumps


async def test_a_mutation_by_post_runs_once(client: httpx.AsyncClient, world: World) -> None:
    """And answers what it did."""
    bumps = world.bumps

    answer = await _ask(client, "mutation { bump }")

    assert answer.json() == {"data": {"bump": bumps + 1}}
    assert world.bumps == bumps + 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_not_allowed(client: httpx.AsyncClient, method: str) -> None:
    """405 names those that are."""
    answer = await client.request(method, "/graphql", json={"query": "{ viewer }"})

    _assert_refused(answer, 405, "METHOD_NOT_ALLOWED", JSON)
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/graphql"},
        {"Content-Type": "text/plain; application/json"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_that_is_not_json_runs_nothing(
    client: httpx.AsyncClient, world: World, headers: dict[str, str]
) -> None:
    """415: none of these asks a browser's permission first, so none may change anything."""
    bumps = world.bumps

    answer = await client.post(
        "/graphql", content=b'{"query": "mutation { bump }"}', headers=headers
    )

    _assert_refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE", JSON)
    assert world.bumps == bumps


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
async def test_json_may_say_that_it_is_utf_8(client: httpx.AsyncClient, content_type: str) -> None:
    """Media types and charsets do not care for case or quotes."""
    answer = await client.post(
        "/graphql", content=b'{"query": "{ viewer }"}', headers={"Content-Type": content_type}
    )

    assert answer.json() == {"data": {"viewer": None}}


async def test_a_body_at_the_limit_is_read(client: httpx.AsyncClient) -> None:
    """One byte more is not."""
    for excess in (0, 1):
        body = b'{"query": "{ viewer }"}'.ljust(LIMITS.body_bytes + excess)
        answer = await client.post("/graphql", content=body, headers={"Content-Type": JSON})
        if excess:
            _assert_refused(answer, 413, "REQUEST_TOO_LARGE", JSON)
        else:
            assert answer.json() == {"data": {"viewer": None}}


async def test_a_body_that_is_declared_too_large_is_not_read(address: str) -> None:
    """The answer comes before a byte of the body was sent."""
    answer = await _answer_to(
        address,
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000000000000\r\n\r\n",
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"REQUEST_TOO_LARGE" in answer


async def test_a_body_that_grows_too_large_is_not_read_on(address: str) -> None:
    """The answer comes while the body, in chunks, has not ended."""
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    answer = await _answer_to(
        address,
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk,
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"REQUEST_TOO_LARGE" in answer


async def test_a_body_that_is_held_back_is_not_waited_for() -> None:
    """Its token was judged before it, and would act whenever the last byte comes."""
    limits = HTTPLimits(body_timeout=timedelta(milliseconds=20))
    with worlds.serving(worlds.application(World(), limits=limits)) as address:
        answer = await _answer_to(
            address,
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{",
        )

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"REQUEST_TIMEOUT" in answer


@pytest.mark.parametrize(
    "named",
    [
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
        {"documentId": f"sha256:{'0' * 64}"},
    ],
)
async def test_a_persisted_document_is_asked_for_in_full(
    client: httpx.AsyncClient, named: dict[str, Any]
) -> None:
    """By the words on which Apollo's clients send the query itself, and no hash any more."""
    answer = await client.post("/graphql", json=named)

    _assert_refused(answer, 400, "PERSISTED_QUERY_NOT_SUPPORTED", JSON)
    assert answer.json()["errors"][0]["message"] == "PersistedQueryNotSupported"


async def test_a_query_string_is_limited_as_a_body_is(client: httpx.AsyncClient) -> None:
    """414."""
    answer = await client.get("/graphql", params={"query": "#" * LIMITS.body_bytes})

    _assert_refused(answer, 414, "REQUEST_TOO_LARGE", JSON)


async def test_a_client_that_leaves_while_it_sends_is_no_error(address: str) -> None:
    """Nothing is logged, and the next request is served."""
    with capture_logs() as logs:
        reader, writer = await _open(address)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient(base_url=address) as client:
            answer = await _ask(client, "{ viewer }")

    assert reader.at_eof() or not await reader.read()
    assert answer.status_code == 200
    assert logs == []


async def test_without_a_token_the_viewer_is_nobody(client: httpx.AsyncClient) -> None:
    """Anonymous requests go on; a good token says who asks."""
    nobody = await _ask(client, "{ viewer }")
    somebody = await _ask(client, "{ viewer }", headers={"Authorization": "Bearer good-ada"})

    assert nobody.json() == {"data": {"viewer": None}}
    assert somebody.json() == {"data": {"viewer": "good-ada"}}


async def test_a_bad_token_is_a_challenge(client: httpx.AsyncClient, world: World) -> None:
    """401 in either media type, with the reason; the body is not even looked at."""
    bumps = world.bumps
    for media_type in (GRAPHQL, JSON):
        answer = await _ask(
            client,
            "mutation { bump }",
            headers={"Authorization": "Bearer bad", "Accept": media_type},
        )
        _assert_refused(answer, 401, "UNAUTHENTICATED", media_type)
        assert answer.json()["errors"][0]["extensions"]["reason"] == "EXPIRED"
        assert answer.headers["www-authenticate"] == (
            'Bearer error="invalid_token", error_description="The token has expired."'
        )
    assert world.bumps == bumps


async def test_a_token_that_cannot_be_judged_now_is_no_refusal(client: httpx.AsyncClient) -> None:
    """503 says when to come back."""
    answer = await _ask(client, "{ viewer }", headers={"Authorization": "Bearer unknowable"})

    _assert_refused(answer, 503, "AUTHENTICATION_UNAVAILABLE", GRAPHQL)
    assert answer.headers["retry-after"] == "7"


async def test_a_refusal_is_located_and_keeps_its_code(client: httpx.AsyncClient) -> None:
    """The other fields are answered, and nothing is logged."""
    with capture_logs() as logs:
        answer = await _ask(client, "{ viewer\n refusal }")

    assert answer.status_code == 200
    assert answer.json() == {
        "errors": [
            {
                "message": "That is too bold",
                "locations": [{"line": 2, "column": 2}],
                "path": ["refusal"],
                "extensions": {"code": "TOO_BOLD"},
            }
        ],
        "data": {"viewer": None, "refusal": None},
    }
    assert logs == []


@pytest.mark.parametrize("field", ["bug", "notANumber", "neverNull"])
async def test_what_nobody_expected_is_masked_and_logged_once(
    client: httpx.AsyncClient, field: str
) -> None:
    """The client learns a reference and nothing else; the log line has it too."""
    with capture_logs() as logs:
        answer = await _ask(client, f"{{ {field} }}")

    (error,) = answer.json()["errors"]
    assert answer.status_code == 200
    assert SECRET not in answer.text
    assert error["message"] == "Internal server error"
    assert error["path"] == [field]
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert [(log["log_level"], log["path"], log["reference"]) for log in logs] == [
        ("error", [field], error["extensions"]["reference"])
    ]
    assert isinstance(logs[0]["exc_info"], BaseException)


async def test_a_failure_outside_of_any_field_is_masked_too(client: httpx.AsyncClient) -> None:
    """500, in the media type that was asked for."""
    with capture_logs() as logs:
        answer = await _ask(client, "{ viewer }", headers={"Authorization": "Bearer broken"})

    _assert_refused(answer, 500, "INTERNAL_ERROR", GRAPHQL)
    assert SECRET not in answer.text
    assert len(logs) == 1


async def test_a_value_that_json_cannot_carry_is_masked(client: httpx.AsyncClient) -> None:
    """Half of a surrogate pair from a resolver is a bug, and still answered by a document."""
    with capture_logs() as logs:
        answer = await _ask(client, "{ half }")

    _assert_refused(answer, 500, "INTERNAL_ERROR", GRAPHQL)
    assert len(logs) == 1


async def test_mistakes_of_clients_are_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither by us nor by Strawberry."""
    with capture_logs() as logs, caplog.at_level(logging.DEBUG, logger="strawberry"):
        for query in (
            "{",
            "{ nothing }",
            "query ($r: Range!) { ranged(within: $r) }",
            "{ refusal }",
        ):
            await _ask(client, query)

    assert logs == []
    assert caplog.records == []


async def test_an_argument_that_only_fails_when_it_runs_is_the_clients_mistake(
    client: httpx.AsyncClient,
) -> None:
    """A nullable variable may stand where a default would, until it is null."""
    with capture_logs() as logs:
        answer = await _ask(
            client,
            'query ($n: Int = 1) { echo(text: "x", repeat: $n) }',
            variables={"n": None},
        )

    assert answer.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert logs == []


async def test_an_operation_that_takes_too_long_is_cancelled_with_all_its_fields() -> None:
    """504 with a code; nothing of it runs on, and the connection serves the next request."""
    world = World()
    app = worlds.application(world, timeout_seconds=0.2)
    with worlds.serving(app) as address, capture_logs() as logs:
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            for media_type in (GRAPHQL, JSON):
                answer = await _ask(
                    client,
                    '{ a: stuck(name: "a") viewer b: stuck(name: "b") }',
                    headers={"Accept": media_type},
                )
                _assert_refused(answer, 504, "TIMEOUT", media_type)
            after = await _ask(client, "{ viewer }")

    assert answer.json()["errors"][0]["message"] == "The operation took longer than 0.2 s."
    assert sorted(world.started) == ["a", "a", "b", "b"]
    assert sorted(world.cancelled) == ["a", "a", "b", "b"]
    assert after.json() == {"data": {"viewer": None}}
    assert logs == []


async def test_a_subscription_by_post_says_what_it_needs(client: httpx.AsyncClient) -> None:
    """It is a request error, not a null."""
    for media_type in (GRAPHQL, JSON):
        answer = await _ask(client, "subscription { count(to: 2) }", headers={"Accept": media_type})
        _assert_refused(answer, 400, "OPERATION_NOT_ALLOWED", media_type)
        assert "text/event-stream" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "accept", ["text/event-stream", f"{GRAPHQL}, {JSON}, text/event-stream, multipart/mixed"]
)
async def test_a_subscription_streams_events(client: httpx.AsyncClient, accept: str) -> None:
    """One event a result, one when it is complete; never stored, never compressed."""
    answer = await _ask(client, "subscription { count(to: 2) }", headers={"Accept": accept})

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert "content-encoding" not in answer.headers
    assert answer.text.split("\r\n\r\n") == [
        'event: next\r\ndata: {"data":{"count":1}}',
        'event: next\r\ndata: {"data":{"count":2}}',
        "event: complete\r\ndata: ",
        "",
    ]


async def test_a_client_that_leaves_a_stream_cancels_its_subscription() -> None:
    """Nothing runs on for nobody."""
    world = World()
    with worlds.serving(worlds.application(world)) as address, capture_logs() as logs:
        async with (
            httpx.AsyncClient(base_url=address, timeout=30) as client,
            client.stream(
                "POST",
                "/graphql",
                json={"query": "subscription { silence }"},
                headers={"Accept": "text/event-stream"},
            ) as answer,
        ):
            assert answer.status_code == 200
    # The server has stopped, so whatever was to happen has happened.
    assert world.cancelled == world.started
    assert logs == []


async def test_a_stream_in_which_nothing_happens_shows_that_it_lives() -> None:
    """By comments, which clients pass over and proxies count as life."""
    limits = HTTPLimits(heartbeat=timedelta(milliseconds=20))
    with worlds.serving(worlds.application(World(), limits=limits)) as address:
        async with (
            httpx.AsyncClient(base_url=address, timeout=30) as client,
            client.stream(
                "POST",
                "/graphql",
                json={"query": "subscription { silence }"},
                headers={"Accept": "text/event-stream"},
            ) as answer,
        ):
            lines = answer.aiter_lines()
            beats = [await anext(lines) for _ in range(6)]

    assert answer.headers["x-accel-buffering"] == "no"
    assert beats == [": ping", ""] * 3


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ thing {" + "".join(f" a{n}: name" for n in range(31)) + " } }", "ALIAS_LIMIT_EXCEEDED"),
        ("{ bug }", "INTERNAL_ERROR"),
        ("{ refusal }", "TOO_BOLD"),
    ],
)
async def test_limits_and_masks_hold_for_streams(
    client: httpx.AsyncClient, query: str, code: str
) -> None:
    """A client that takes only events gets its errors as an event."""
    with capture_logs() as logs:
        answer = await _ask(client, query, headers={"Accept": "text/event-stream"})

    event = json.loads(answer.text.split("\r\n")[1].removeprefix("data: "))
    assert code in [error["extensions"]["code"] for error in event["errors"]]
    assert SECRET not in answer.text
    assert len(logs) == (code == "INTERNAL_ERROR")


async def test_long_answers_are_compressed_for_those_who_ask(client: httpx.AsyncClient) -> None:
    """Short ones are not, and a cache is told."""
    query = '{ echo(text: "0123456789", repeat: 200) }'
    request = client.build_request("POST", "/graphql", json={"query": query})
    long = await client.send(request, stream=True)
    raw = b"".join([chunk async for chunk in long.aiter_raw()])
    short = await _ask(client, "{ viewer }")
    plain = await _ask(client, query, headers={"Accept-Encoding": "identity"})

    assert long.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in long.headers["vary"]
    assert "Accept" in long.headers["vary"].split(", ")
    assert gzip.decompress(raw) == plain.content
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in short.headers


async def test_a_browser_without_a_query_is_sent_to_graphiql(client: httpx.AsyncClient) -> None:
    """With a query it gets its answer, and a program is not sent anywhere."""
    html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    page = await client.get("/graphql", headers=html)
    asked = await client.get("/graphql", params={"query": "{ viewer }"}, headers=html)
    program = await client.get("/graphql", headers={"Accept": "*/*"})

    assert (page.status_code, page.headers["location"]) == (303, "/graphiql")
    assert asked.json() == {"data": {"viewer": None}}
    _assert_refused(program, 400, "BAD_REQUEST", JSON)


async def test_pages_of_other_origins_may_call_only_when_they_are_named() -> None:
    """A preflight allows the token's header; nobody is allowed by default."""
    app = "https://app.example.com"
    preflight = {
        "Origin": app,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    for named in (True, False):
        server = worlds.application(World(), cors_origins=(app,) if named else ())
        with worlds.serving(server) as address:
            async with httpx.AsyncClient(base_url=address) as client:
                asked = await client.options("/graphql", headers=preflight)
                stranger = await client.options(
                    "/graphql", headers=preflight | {"Origin": "https://evil.example.com"}
                )
                answer = await _ask(client, "{ viewer }", headers={"Origin": app})
        assert asked.status_code == (200 if named else 405)
        assert asked.headers.get("access-control-allow-origin") == (app if named else None)
        assert answer.headers.get("access-control-allow-origin") == (app if named else None)
        readable = "Retry-After, WWW-Authenticate, X-Request-ID" if named else None
        assert answer.headers.get("access-control-expose-headers") == readable
        assert "access-control-allow-origin" not in stranger.headers
        assert "access-control-allow-credentials" not in asked.headers
        assert ("Origin" in answer.headers["vary"]) is named


async def _open(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = httpx.URL(address)
    return await asyncio.open_connection(url.host, url.port)


async def _answer_to(address: str, request: bytes) -> bytes:
    """Return the answer to a request that is never finished."""
    reader, writer = await _open(address)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    return head + body
