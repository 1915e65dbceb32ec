"""The four lists of records."""

import pytest

from tests.page import player
from tests.page.player import Player


@pytest.mark.parametrize("sentence", player.sentences("records"))
async def test_the_records(page: Player, sentence: str) -> None:
    """Each sentence is a spec of `web/tests/records.spec.ts`."""
    await page.play("records", sentence)
