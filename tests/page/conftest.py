"""One demo and one browser for all tests of the page."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.page import player
from tests.page.demo import Demo
from tests.page.player import Player


@pytest.fixture(scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """Yield a demo with data of its own."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    try:
        await demo.start()
        yield demo
    finally:
        await demo.end()


@pytest.fixture(scope="session")
async def page(demo: Demo) -> AsyncIterator[Player]:
    """Yield what plays the specs of the page."""
    if player.CHROMIUM is None and not os.environ.get("REQUIRE_CHROMIUM"):
        pytest.skip("no Chromium: install it or name it in CHROMIUM")
    async with player.playing(demo) as playing:
        yield playing
