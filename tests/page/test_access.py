"""What an owner, an admin and a member may see and do."""

import pytest

from tests.page import player
from tests.page.player import Player


@pytest.mark.parametrize("sentence", player.sentences("access"))
async def test_the_access(page: Player, sentence: str) -> None:
    """Each sentence is a spec of `web/tests/access.spec.ts`."""
    await page.play("access", sentence)
