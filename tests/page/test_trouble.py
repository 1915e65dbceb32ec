"""What goes wrong: tokens that end, gateways that fail, and what attackers write."""

import pytest

from tests.page import player
from tests.page.player import Player


@pytest.mark.parametrize("sentence", player.sentences("trouble"))
async def test_the_trouble(page: Player, sentence: str) -> None:
    """Each sentence is a spec of `web/tests/trouble.spec.ts`."""
    await page.play("trouble", sentence)
