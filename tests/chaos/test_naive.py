"""Chaos sees the bug that it is for: a receiver that knows events by their ids is caught."""

from pathlib import Path

from tests.chaos import storm
from tests.chaos.storm import Ground

SEED = "7"


async def test_a_naive_receiver_is_right_in_peace(ground: Ground, tmp_path: Path) -> None:
    """Which is why it is written: nothing is wrong with it that an ordinary test would see."""
    left = await storm.survive_naively(ground, tmp_path, seed=SEED, in_storm=False)

    assert left.wrong == []
    assert left.deliveries["delivered"] > 0


async def test_a_naive_receiver_loses_credits_in_a_storm(ground: Ground, tmp_path: Path) -> None:
    """What was lost on the way, or died between its note and its grant, is never granted."""
    left = await storm.survive_naively(ground, tmp_path, seed=SEED, in_storm=True)

    assert [words for words in left.wrong if "was paid, and" in words], left.wrong
