"""The worked example of docs/ledger.md, worked again."""

from datetime import UTC, datetime
from pathlib import Path

from billing.book import Book
from billing.entries import Grant
from models.ledger import LotKind
from tests.billing.factories import days, deduction, grant, hours, purchase, usage

_DOCUMENT = Path(__file__).parents[2] / "docs" / "ledger.md"


def _documented() -> list[list[str]]:
    """Return the rows of the example: number, credits, balance, overdraft, lots."""
    example = _DOCUMENT.read_text().partition("## A worked example")[2].partition("\n## ")[0]
    lines = [line for line in example.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return [[number, *numbers] for number, _, _, *numbers in cells]


def _march(day: int, hour: int = 9) -> datetime:
    """Return a day counted from the first of March."""
    return datetime(2026, 3, 1, hour, tzinfo=UTC) + days(day - 1)


def _package(start: datetime, end: datetime) -> Grant:
    return grant(
        1_000,
        kind=LotKind.RECURRING,
        period_end=end,
        expires_at=end + hours(24),
        renews_at=start,
    )


def test_the_worked_example_of_the_document_is_what_the_book_says() -> None:
    """Every entry, every balance, every lot."""
    march, april, may, june = _march(1, 0), _march(32, 0), _march(62, 0), _march(93, 0)
    book = Book(opened_at=march)
    worked: list[list[str]] = []

    def note() -> None:
        changes = book.take_changes()
        rows = [
            *((entry.number, entry.amount, entry.balance_after) for entry in changes.adjustments),
            *(
                (entry.number, -entry.usage.credits, entry.balance_after)
                for entry in changes.charges
            ),
        ]
        for number, amount, balance in rows:
            lots = [f"{lot.number}: {lot.remaining}" for lot in book.lots if lot.number <= number]
            worked.append(
                [
                    str(number),
                    f"{amount:+}",
                    str(balance),
                    str(book.overdraft),
                    ", ".join(lots) or "none",
                ]
            )

    book.grant(_package(march, april), now=_march(1))
    note()
    pack = book.grant(purchase(500), now=_march(5)).number
    note()
    for day, spent in ((10, 800), (20, 300), (28, 450), (29, 10)):
        book.charge(usage(spent), now=_march(day))
        note()
    book.grant(_package(april, may), now=_march(32))
    note()
    book.remove(deduction(250, own_lots=[pack]), now=_march(34))
    note()
    book.grant(purchase(500), now=_march(41))
    note()
    book.grant(_package(may, june), now=_march(62))
    note()
    assert worked == _documented()
