"""The audits of the npm package `graphql-http`, which the authors of the draft maintain."""

from tests.http import node


async def test_all_61_audits_pass(address: str) -> None:
    """Not one is left out, and not one is only advised against."""
    results = await node.run("audits.mjs", f"{address}/graphql")

    assert [each for each in results if each["status"] != "ok"] == []
    assert len(results) == 61
