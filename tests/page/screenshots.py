"""Take the pictures of docs/screenshots anew: `python -m tests.page.screenshots`."""

import asyncio
import tempfile
from pathlib import Path

from tests.page import player
from tests.page.demo import Demo


async def take() -> None:
    """Play each spec that takes pictures, at a demo of its own."""
    with tempfile.TemporaryDirectory() as directory:
        demo = Demo(Path(directory))
        try:
            await demo.start()
            async with player.playing(demo) as playing:
                for sentence in player.sentences("screenshots"):
                    await playing.play("screenshots", sentence)
        finally:
            await demo.end()


if __name__ == "__main__":
    asyncio.run(take())
