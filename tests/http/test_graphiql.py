"""GraphiQL and the built files: served under a strict policy, and working under it."""

import os
import re
import shutil
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from gateway import static
from resolvers.schema import schema
from tests.http import node, world

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


async def test_the_page_is_served_under_a_strict_policy(client: httpx.AsyncClient) -> None:
    """No script of another origin and no inline script runs; the page is always asked for anew."""
    page = await client.get("/graphiql")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    policy = page.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "worker-src 'self' blob:" in policy
    assert re.findall(r"<script(?![^>]* src=)", page.text) == []
    assert re.findall(r"https?://", page.text) == []


async def test_the_files_of_the_page_are_kept_for_ever_and_were_compressed(
    client: httpx.AsyncClient,
) -> None:
    """Their names change with their content; who takes no gzip gets the same, plain."""
    page = await client.get("/graphiql")
    paths = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)

    assert {Path(path).suffix for path in paths} == {".js", ".css", ".svg"}
    for path in paths:
        small = await client.get(path, headers={"Accept-Encoding": "gzip"})
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        assert re.search(r"-[\w-]{8}\.", path)
        assert small.content == plain.content
        assert small.headers["content-type"] == plain.headers["content-type"]
        assert small.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert small.headers["vary"] == "Accept-Encoding"
        assert "content-encoding" not in plain.headers
        assert (small.headers.get("content-encoding") == "gzip") is not path.endswith(".svg")
        again = await client.get(path, headers={"If-None-Match": plain.headers["etag"]})
        assert again.status_code in {200, 304}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("br, GZIP", "gzip"),
        ("gzip;q=0.5, identity", "gzip"),
        ("*", "gzip"),
        ("identity;q=1, *;q=0.1", "gzip"),
        ("gzip;q=0", None),
        ("br, gzip ; q=0.000", None),
        ("gzip;q=0, *", None),
        ("*;q=0", None),
        ("br", None),
        ("notgzip", None),
        ("", None),
    ],
)
async def test_a_file_is_compressed_for_who_takes_it_so(
    client: httpx.AsyncClient, accepted: str, coding: str | None
) -> None:
    """A weight of nothing says that it is not taken."""
    page = await client.get("/graphiql")
    script = re.findall(r'src="(/assets/[^"]+\.js)"', page.text)[0]

    answer = await client.get(script, headers={"Accept-Encoding": accepted})

    assert answer.status_code == 200
    assert answer.headers.get("content-encoding") == coding


@pytest.mark.parametrize(
    "path", ["/assets/none.js", "/assets/", "/assets/../__init__.py", "/assets/%2e%2e/static.py"]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    """Neither a directory nor a file beside it."""
    answer = await client.get(path)

    assert answer.status_code == 404
    assert "import" not in answer.text


async def test_a_page_that_was_not_built_says_so(tmp_path: Path) -> None:
    """A checkout without Node still serves GraphQL."""
    with world.serving(Starlette(routes=static.routes(directory=tmp_path))) as address:
        async with httpx.AsyncClient(base_url=address) as client:
            page = await client.get("/graphiql")
            asset = await client.get("/assets/none.js")

    assert (page.status_code, page.text) == (503, "This page is not built: run `make setup`.")
    assert asset.status_code == 404


async def test_graphiql_can_be_left_out() -> None:
    """An operator may not want an explorer."""
    with world.serving(Starlette(routes=static.routes(graphiql=False))) as address:
        async with httpx.AsyncClient(base_url=address) as client:
            assert (await client.get("/graphiql")).status_code == 404


def test_the_first_query_that_graphiql_shows_is_valid() -> None:
    """Who opens it can run it at once."""
    first = Path(__file__).parents[2] / "web" / "graphiql" / "first.graphql"

    assert schema.documents.read(first.read_text()).errors == ()


@pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("REQUIRE_CHROMIUM"),
    reason="no Chromium: install it or name it in CHROMIUM",
)
async def test_a_person_can_use_graphiql_offline(address: str, tmp_path: Path) -> None:
    """The page, its editor and its workers run; the token goes where it should and nowhere else."""
    assert CHROMIUM is not None

    report = await node.run("graphiql.mjs", address, CHROMIUM, str(tmp_path / "profile"))

    assert report["complaints"] == []
    assert report["elsewhere"] == []
    assert '"viewer": "good-ada"' in report["answer"]
    assert "Query" in report["documentation"]
    assert [each for each in report["tokens"] if each[0] != "IntrospectionQuery"] == [
        ["Overview", "Bearer good-ada"]
    ]
    assert {token for name, token in report["tokens"] if name == "IntrospectionQuery"} == {None}
    assert "good-ada" not in report["stored"]
    assert report["tokenAfterReload"] == "good-ada"
    assert report["tokenInAnotherTab"] == ""
