"""`gateway catalog`, run as operators run it."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import gateway_process
from tests.sandbox import server

DEMO = str(Path(__file__).parents[1] / "gateway" / "demo_catalog.toml")
DOCS = Path(__file__).parents[1] / "docs" / "catalogue.md"
TEXT = Path(DEMO).read_text(encoding="utf-8")


async def test_a_good_catalogue_is_counted() -> None:
    """In one line."""
    ended = await gateway_process.run("catalog", "check", DEMO)

    assert (ended.status, ended.errors) == (0, "")
    assert ended.output == f"{DEMO}: 4 plans with 5 prices, a pack.\n"


async def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Some editors write one before everything else."""
    file = tmp_path / "catalog.toml"
    file.write_text(TEXT, encoding="utf-8-sig")

    ended = await gateway_process.run("catalog", "check", str(file))

    assert (ended.status, ended.errors) == (0, "")


async def test_mistakes_are_a_line_each_with_their_place(tmp_path: Path) -> None:
    """As compilers print them, so that editors jump there; nothing goes to standard output."""
    file = tmp_path / "catalog.toml"
    text = TEXT.replace("rank = 0", "rank = -1").replace("signup", "sginup")
    file.write_text(text)

    ended = await gateway_process.run("catalog", "check", str(file))

    assert (ended.status, ended.output) == (1, "")
    assert ended.errors.splitlines() == [
        f"{file}:9: plans[0].rank: input should be greater than or equal to 0",
        f"{file}:53: referrals.sginup: unknown, did you mean `signup`?",
    ]


@pytest.mark.parametrize("content", [None, b"\xff"])
async def test_a_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, content: bytes | None
) -> None:
    """No traceback."""
    file = tmp_path / "catalog.toml"
    if content is not None:
        file.write_bytes(content)

    ended = await gateway_process.run("catalog", "check", str(file))

    reason = "No such file or directory" if content is None else "it is no UTF-8 text"
    assert (ended.status, ended.output, ended.errors) == (1, "", f"{file}: {reason}\n")


async def test_what_is_synced_is_told_and_the_second_time_nothing_is(database_url: str) -> None:
    """Each entry with what became of it."""
    first = await gateway_process.run("catalog", "sync", DEMO, DATABASE_URL=database_url)
    again = await gateway_process.run("catalog", "sync", DEMO, DATABASE_URL=database_url)

    assert (first.status, first.errors) == (0, "")
    assert "plan pro: added\nplan team: added\nprice launch-pass_one_time: added\n" in first.output
    assert first.output.endswith("The catalogue is in place. Changes: 10.\n")
    assert again.output == "The catalogue is in place. Changes: 0.\n"


async def test_the_docs_show_what_is_printed(tmp_path: Path, database_url: str) -> None:
    """Of their own example, word for word."""
    page = DOCS.read_text(encoding="utf-8")
    blocks = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", page)
    file = tmp_path / "catalog.toml"
    file.write_text(dict(blocks)["toml"])

    for language, shown in blocks:
        if language == "console":
            command, _, output = shown.partition("\n")
            words = command.removeprefix("$ gateway ").split()
            ended = await gateway_process.run(*words, str(file), DATABASE_URL=database_url)
            assert (ended.status, ended.errors) == (0, "")
            assert ended.output.replace(str(file), file.name) == output, ended.output


async def test_a_plan_that_would_change_its_kind_is_refused(
    tmp_path: Path, database_url: str
) -> None:
    """One line, exit status 1."""
    await gateway_process.run("catalog", "sync", DEMO, DATABASE_URL=database_url)
    file = tmp_path / "catalog.toml"
    text = TEXT.replace('kind = "ONE_TIME"', 'kind = "RECURRING"')
    file.write_text(
        text.replace("period_months = 3\n", "").replace("one_time = 7900", "yearly = 7")
    )

    ended = await gateway_process.run("catalog", "sync", str(file), DATABASE_URL=database_url)

    assert (ended.status, ended.output) == (1, "")
    assert ended.errors.startswith("gateway: The plan launch-pass is ONE_TIME and stays so")


async def test_with_a_key_stripe_has_the_prices_too(tmp_path: Path, database_url: str) -> None:
    """Found again by their lookup keys; a price that changes is another one under its key."""
    dearer = tmp_path / "catalog.toml"
    dearer.write_text(TEXT.replace("monthly = 2900", "monthly = 3900"))
    async with server.serving() as address:
        variables: dict[str, Any] = {
            "DATABASE_URL": database_url,
            "GATEWAY_STRIPE_SECRET_KEY": "sk_test_catalogue",
            "GATEWAY_STRIPE_API_BASE": address,
        }
        await gateway_process.run("catalog", "sync", DEMO, **variables)
        first = await _prices(address)
        again = await gateway_process.run("catalog", "sync", DEMO, **variables)
        changed = await gateway_process.run("catalog", "sync", str(dearer), **variables)
        second = await _prices(address)

    assert {key: price["unit_amount"] for key, price in first.items()} == {
        "launch-pass_one_time": 7_900,
        "pro_monthly": 2_900,
        "pro_yearly": 29_000,
        "team_monthly": 9_900,
        "team_yearly": 99_000,
        "credits-1000": 1_000,
    }
    assert first["pro_yearly"]["recurring"]["interval"] == "year"
    assert first["launch-pass_one_time"]["recurring"] is None
    assert again.output == "The catalogue is in place. Changes: 0.\n"
    assert changed.output == "price pro_monthly: changed\n" + again.output.replace("0", "1")
    assert second["pro_monthly"]["unit_amount"] == 3_900
    assert second["pro_monthly"]["id"] != first["pro_monthly"]["id"]
    assert {key for key in first if first[key]["id"] != second[key]["id"]} == {"pro_monthly"}


async def test_when_stripe_is_away_nothing_is_written(database_url: str) -> None:
    """One line, exit status 1; the next run does all of it."""
    variables: dict[str, Any] = {
        "GATEWAY_STRIPE_SECRET_KEY": "sk_test_catalogue",
        "GATEWAY_STRIPE_API_BASE": "http://127.0.0.1:9",
    }

    ended = await gateway_process.run(
        "catalog", "sync", DEMO, DATABASE_URL=database_url, **variables
    )
    without = await gateway_process.run("catalog", "sync", DEMO, DATABASE_URL=database_url)

    assert (ended.status, ended.output) == (1, "")
    assert ended.errors == "gateway: Payments are not available now: ask again later\n"
    assert without.output.endswith("Changes: 10.\n")


async def test_what_a_run_that_failed_has_made_at_stripe_is_found_by_the_next(
    tmp_path: Path, database_url: str
) -> None:
    """The database refuses a plan after Stripe has had its turn: it has none of the prices."""
    await gateway_process.run("catalog", "sync", DEMO, DATABASE_URL=database_url)
    renewing = tmp_path / "catalog.toml"
    renewing.write_text(
        TEXT.replace('kind = "ONE_TIME"', 'kind = "RECURRING"')
        .replace("period_months = 3\n", "")
        .replace("one_time = 7900", "yearly = 7900")
    )
    async with server.serving() as address:
        variables: dict[str, Any] = {
            "DATABASE_URL": database_url,
            "GATEWAY_STRIPE_SECRET_KEY": "sk_test_catalogue",
            "GATEWAY_STRIPE_API_BASE": address,
        }
        refused = await gateway_process.run("catalog", "sync", str(renewing), **variables)
        made = await _prices(address)
        again = await gateway_process.run("catalog", "sync", DEMO, **variables)
        found = await _prices(address)

    assert (refused.status, refused.output) == (1, "")
    assert made.keys() - found.keys() == set()
    assert found.keys() - made.keys() == {"launch-pass_one_time"}
    assert {key for key in made if made[key]["id"] != found[key]["id"]} == set()
    # Each price has an id at Stripe now, and had none before.
    assert again.output.endswith("The catalogue is in place. Changes: 6.\n")


async def _prices(address: str) -> dict[str, Any]:
    """Return the prices of a sandbox by their lookup keys."""
    headers = {"Authorization": "Bearer sk_test_catalogue"}
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as client:
        answer = await client.get("/v1/prices", params={"limit": 100})
    found = answer.raise_for_status().json()["data"]
    return {price["lookup_key"]: price for price in found if price["lookup_key"]}
