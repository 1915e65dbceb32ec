"""The service of docs/recording-usage.md, run as it stands there."""

import asyncio
import re
import sys
from pathlib import Path

from sqlalchemy import insert

from models.database import Database
from models.plan import Plan
from tests import gateway_process
from tests.billing.factories import NOON

GUIDE = (Path(__file__).parents[1] / "docs" / "recording-usage.md").read_text(encoding="utf-8")


async def test_the_service_of_the_guide_prints_what_the_guide_says(
    database_url: str, tmp_path: Path
) -> None:
    """Against a gateway of its own, with a Free plan of 200 credits."""
    program = tmp_path / "service.py"
    program.write_text(block("python"), encoding="utf-8")
    await sell_free(database_url)
    token = await gateway_process.run(
        *("token", "--service", "guide", "--scope", "usage:write", "--scope", "workspaces:write")
    )
    assert (token.status, token.errors) == (0, "")

    async with gateway_process.serve(DATABASE_URL=database_url) as served:
        said = await printed(program, served.url, token.output.strip())

    assert said == block("text")


def block(language: str) -> str:
    """Return the guide's only block in a language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    return str(found)


async def sell_free(database_url: str) -> None:
    """Let the catalogue have a Free plan."""
    database = Database(database_url)
    async with database.write() as session:
        await session.execute(
            insert(Plan).values(
                id="free",
                name="Free",
                description="",
                rank=0,
                kind="FREE",
                features=[],
                credits_per_refresh=200,
                refreshes=True,
                created_at=NOON,
            )
        )
    await database.close()


async def printed(program: Path, url: str, token: str) -> str:
    """Run the program and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        program,
        env={"GATEWAY_URL": url, "GATEWAY_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert errors.decode() == ""
    return output.decode()
