"""The operator's catalogue: what its file may say, and where each mistake in it is."""

from importlib import resources

import pytest

from billing import catalog_file, toml_lines
from billing.catalog_file import CatalogueInvalid, Mistake

TEXT = resources.files("gateway").joinpath("demo_catalog.toml").read_text(encoding="utf-8")


def line(text: str, start: str, *, nth: int = 1) -> int:
    """Return the number of the nth line that starts so."""
    found = [number for number, row in enumerate(text.splitlines(), 1) if row.startswith(start)]
    return found[nth - 1]


@pytest.mark.parametrize(
    ("right", "wrong", "at", "where", "message"),
    [
        (
            "credits_per_refresh = 200",
            "credits_per_refresh = -1",
            "credits_per",
            "plans[0].credits_per_refresh",
            "input should be greater than or equal to 0",
        ),
        (
            "credits_per_refresh = 200",
            "credits_per_refresh = 9007199254740992",
            "credits_per",
            "plans[0].credits_per_refresh",
            "input should be less than or equal to 9007199254740991",
        ),
        (
            "credits_per_refresh = 200",
            "credits_per_refresh = 1.5",
            "credits_per",
            "plans[0].credits_per_refresh",
            "input should be a valid integer",
        ),
        (
            "monthly = 2900",
            "weekly = 2900",
            "prices = { weekly",
            "plans[2].prices.weekly",
            "input should be 'monthly', 'yearly' or 'one_time'",
        ),
        (
            "monthly = 2900",
            "monthly = 0",
            "prices = { monthly = 0",
            "plans[2].prices.monthly",
            "input should be greater than or equal to 1",
        ),
        (
            "{ monthly = 2900, yearly = 29000 }",
            "7",
            "prices = 7",
            "plans[2].prices",
            "input should be a valid dictionary",
        ),
        (
            'currency = "USD"',
            'currency = "usd"',
            "currency",
            "currency",
            "must be three capitals, such as USD",
        ),
        (
            'kind = "FREE"',
            'kind = "GRATIS"',
            "kind",
            "plans[0].kind",
            "input should be 'FREE', 'RECURRING' or 'ONE_TIME'",
        ),
        (
            'name = "Pro"',
            'name = " "',
            'name = " "',
            "plans[2].name",
            "must be text, without control characters",
        ),
        (
            'id = "pro"',
            'id = "Pro plan"',
            'id = "Pro plan"',
            "plans[2].id",
            "must be 1 to 63 small letters, digits and hyphens, a letter first",
        ),
        ('name = "Pro"', "", "[[plans]]|3", "plans[2]", "`name` is missing"),
        ('id = "team"', 'id = "pro"', 'id = "pro"|2', "plans[3].id", "is that of plans[2] too"),
        ("rank = 3", "rank = 1", "rank = 1|2", "plans[3].rank", "is that of plans[1] too"),
        (
            "rank = 3",
            "rank = 2147483648",
            "rank = 2147",
            "plans[3].rank",
            "input should be less than or equal to 2147483647",
        ),
        (
            'kind = "ONE_TIME"',
            'kind = "FREE"',
            'kind = "FREE"|2',
            "plans[1].kind",
            "plans[0] is FREE already",
        ),
        (
            "period_months = 3",
            "",
            "[[plans]]|2",
            "plans[1]",
            "a ONE_TIME plan needs `period_months`",
        ),
        (
            "rank = 3",
            "rank = 3\nperiod_months = 3",
            "period_months|2",
            "plans[3].period_months",
            "a RECURRING plan has none: only a ONE_TIME plan ends",
        ),
        (
            "quantity_max = 500",
            "quantity_max = 100000",
            "quantity_max",
            "credit_pack.quantity_max",
            "so many cost more than the largest payment, 99999999 minor units",
        ),
        (
            "signup = 250",
            "sginup = 250",
            "sginup",
            "referrals.sginup",
            "unknown, did you mean `signup`?",
        ),
        (
            "[referrals]",
            "[refrrals]",
            "[refrrals]",
            "refrrals",
            "unknown, did you mean `referrals`?",
        ),
        ('currency = "USD"', "currency =", "currency", "", "Invalid value"),
        (
            'name = "Pro"',
            'name = "Pro"\nname = "Pro"',
            'name = "Pro"|2',
            "",
            "Cannot overwrite a value",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(
    right: str, wrong: str, at: str, where: str, message: str
) -> None:
    """A misspelt word is no default, and a number out of range is no number."""
    assert right in TEXT
    text = TEXT.replace(right, wrong, 1)
    start, _, nth = at.partition("|")

    with pytest.raises(CatalogueInvalid) as refused:
        catalog_file.parse(text)

    assert Mistake(line(text, start, nth=int(nth or 1)), where, message) in refused.value.mistakes


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines() -> None:
    """Nobody has to run the check as often as there are mistakes."""
    text = TEXT.replace("rank = 0", "rank = -1").replace("price = 1000", "price = 0")

    with pytest.raises(CatalogueInvalid) as refused:
        catalog_file.parse(text)

    assert [mistake.where for mistake in refused.value.mistakes] == [
        "plans[0].rank",
        "credit_pack.price",
    ]
    assert str(refused.value).splitlines()[0] == (
        f"{line(text, 'rank = -1')}: plans[0].rank: input should be greater than or equal to 0"
    )


@pytest.mark.parametrize(
    ("kind", "prices", "told"),
    [
        (
            "RECURRING",
            "{ one_time = 5 }",
            ["needs a monthly or yearly price", "has no one_time price"],
        ),
        ("RECURRING", "{}", ["needs a monthly or yearly price"]),
        ("ONE_TIME", "{ monthly = 5 }", ["needs a one_time price", "has no monthly price"]),
        ("FREE", "{ monthly = 5 }", ["has no monthly price"]),
    ],
)
def test_a_plan_has_the_prices_of_its_kind(kind: str, prices: str, told: list[str]) -> None:
    """And at least one of them, unless it is Free."""
    free = '[[plans]]\nid = "f"\nname = "F"\ndescription = "F"\nrank = 9\nkind = "FREE"\n'
    free += "credits_per_refresh = 0\n"
    months = "period_months = 1\n" if kind == "ONE_TIME" else ""
    text = (
        f'currency = "USD"\n[[plans]]\nid = "p"\nname = "P"\ndescription = "P"\nrank = 1\n'
        f'kind = "{kind}"\ncredits_per_refresh = 1\nprices = {prices}\n{months}'
    )

    with pytest.raises(CatalogueInvalid) as refused:
        catalog_file.parse(text if kind == "FREE" else text + free)

    assert sorted(
        mistake.message.split(" plan ")[1] for mistake in refused.value.mistakes
    ) == sorted(told)


def test_without_a_free_plan_there_is_nothing_to_begin_on() -> None:
    """Every workspace begins on Free."""
    text = TEXT.replace('kind = "FREE"', 'kind = "RECURRING"\nprices = { monthly = 5 }')

    with pytest.raises(CatalogueInvalid, match="one plan must be FREE"):
        catalog_file.parse(text)


WAYS = '''
a.b = [
  1,
  # not here
  2,
]
"quoted key" = {x = 1, y = "["}

[[t]]
z = """
[t]
z = 2
"""
[[t]]
z = 2
[t.u]
v = 3
'''


@pytest.mark.parametrize(
    ("path", "at"),
    [
        (("a", "b"), 2),
        (("a", "b", 1), 2),
        (("quoted key", "y"), 7),
        (("t", 0), 9),
        (("t", 0, "z"), 10),
        (("t", 1), 14),
        (("t", 1, "z"), 15),
        (("t", 1, "u", "v"), 17),
        (("t", 1, "nothing"), 14),
        (("nothing",), 1),
        ((), 1),
    ],
)
def test_a_line_is_found_however_the_value_is_written(path: toml_lines.Path, at: int) -> None:
    """What is not there is where it would be looked for."""
    assert toml_lines.line_of(WAYS, path) == at
