"""What is around everything: the workspace, who is signed in, the first load."""

import pytest

from tests.page import player
from tests.page.player import Player


@pytest.mark.parametrize("sentence", player.sentences("frame"))
async def test_the_frame(page: Player, sentence: str) -> None:
    """Each sentence is a spec of `web/tests/frame.spec.ts`."""
    await page.play("frame", sentence)
