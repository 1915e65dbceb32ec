"""Three storms, each of its own seed; `make chaos` has as many as one likes."""

from pathlib import Path

import pytest

from tests.chaos import storm
from tests.chaos.storm import Ground


@pytest.mark.parametrize("seed", ["11", "23", "42"])
async def test_every_credit_is_accounted_for_after_a_storm(
    ground: Ground, tmp_path: Path, seed: str
) -> None:
    """What was paid is booked, once; what was lost on the way is found; nobody lends a hand."""
    left = await storm.survive(ground, tmp_path, seed=seed)

    assert left.wrong == []
    assert left.deaths.total() > 0, "nobody was killed"
    assert left.deliveries["dropped"] > 0, "nothing was lost"
    assert left.deliveries["duplicated"] > 0, "nothing came twice"
