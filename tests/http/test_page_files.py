"""The page as it is served: under a policy with a nonce of its own, and with the demo's menu."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from gateway import app, demo, static
from gateway.settings import Settings

SECRET = "a shared secret of thirty-two bytes or more"
NOWHERE = "postgresql+asyncpg://gateway@127.0.0.1:1/gateway"
SETTINGS = Settings.model_validate(
    {"database_url": NOWHERE, "auth_shared_secret": SECRET, "worker": False}
)
NONCE = re.compile(r"'nonce-([\w-]{22,})'")


async def test_the_page_runs_no_script_and_no_style_but_its_own(client: httpx.AsyncClient) -> None:
    """Not one inline: a style needs the nonce of this very answer."""
    page = await client.get("/")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    policy = dict(
        each.split(" ", 1) for each in page.headers["content-security-policy"].split("; ")
    )
    nonce = NONCE.search(policy["style-src"])
    assert nonce is not None
    assert policy == {
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce[1]}'",
        "connect-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' data:",
    }
    assert re.findall(r"<script(?![^>]* src=\"/assets/)", page.text) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=|https?://", page.text) == []


async def test_each_answer_has_a_nonce_of_its_own_that_nobody_keeps(
    client: httpx.AsyncClient,
) -> None:
    """The page and its policy say the same one; neither has the one of the build."""
    answers = [await client.get("/") for _ in range(3)]

    nonces = [_nonce(each) for each in answers]
    assert len(set(nonces)) == len(answers)
    for answer, nonce in zip(answers, nonces, strict=True):
        assert set(re.findall(r'nonce="([^"]*)"', answer.text)) == {nonce}
        assert static.NONCE not in answer.text
        assert static.NONCE not in str(answer.headers)
        assert answer.headers["cache-control"] == "no-store"


async def test_only_the_page_of_the_demo_lets_everybody_be_anybody() -> None:
    """Elsewhere the host product signs people in, and there is nobody to be."""
    async with asking(demo.create_app(SETTINGS)) as client:
        of_demo = (await client.get("/")).text
    async with asking(app.create_app(SETTINGS)) as client:
        of_gateway = (await client.get("/")).text

    assert re.findall(r'<meta name="sign-in" content="(\w+)"', of_demo) == ["demo"]
    assert re.findall(r'<meta name="sign-in" content="(\w+)"', of_gateway) == ["host"]


async def test_the_page_is_there_without_graphiql() -> None:
    """An operator who wants no explorer has the page all the same."""
    async with asking(Starlette(routes=static.routes(graphiql=False))) as client:
        page = await client.get("/")

    assert page.status_code == 200
    assert "Subscription and Credits" in page.text


async def test_the_page_that_was_not_built_says_so(tmp_path: Path) -> None:
    """Without the marks of a page that works."""
    async with asking(Starlette(routes=static.routes(directory=tmp_path))) as client:
        page = await client.get("/")

    assert (page.status_code, page.text) == (503, "This page is not built: run `make setup`.")
    assert page.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_the_page_is_only_read(client: httpx.AsyncClient, method: str) -> None:
    """There is nothing to send to it."""
    answer = await client.request(method, "/")

    assert answer.status_code == 405
    assert "<html" not in answer.text


# Helpers


def _nonce(answer: httpx.Response) -> str:
    found = NONCE.search(answer.headers["content-security-policy"])
    assert found is not None
    return found[1]


@asynccontextmanager
async def asking(application: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of an application, in this process."""
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url="http://127.0.0.1"
        ) as client,
    ):
        yield client
