"""Plans and credits, bought from the page at the sandbox's own pages."""

import pytest

from tests.page import player
from tests.page.player import Player


@pytest.mark.parametrize("sentence", player.sentences("money"))
async def test_the_money(page: Player, sentence: str) -> None:
    """Each sentence is a spec of `web/tests/money.spec.ts`."""
    await page.play("money", sentence)
