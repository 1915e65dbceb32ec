"""How the page looks: in light and dark, on a phone, to a screen reader, by keyboard, abroad."""

import pytest

from tests.page import player
from tests.page.player import Player


@pytest.mark.parametrize("sentence", player.sentences("looks"))
async def test_the_looks(page: Player, sentence: str) -> None:
    """Each sentence is a spec of `web/tests/looks.spec.ts`."""
    await page.play("looks", sentence)
