"""What months bring, with a demo of its own: its clock is moved, and never goes back."""

from collections.abc import AsyncIterator

import pytest

from tests.page import player
from tests.page.demo import Demo
from tests.page.player import Player


@pytest.fixture(scope="module")
async def later(page: Player, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Player]:
    """Yield what plays the specs of the page with another demo."""
    demo = Demo(tmp_path_factory.mktemp("later"))
    try:
        await demo.start()
        yield page.beside(demo)
    finally:
        await demo.end()


@pytest.mark.parametrize("sentence", player.sentences("time"))
async def test_the_time(later: Player, sentence: str) -> None:
    """Each sentence is a spec of `web/tests/time.spec.ts`."""
    await later.play("time", sentence)
