"""Templates, filled with text that is always escaped."""

import html
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from string import Template
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse

from sandbox.errors import Object

_HERE = Path(__file__).parent
_SYMBOLS = {"usd": "$", "eur": "\N{EURO SIGN}", "gbp": "\N{POUND SIGN}"}


def page(title: str, content: str, *, alert: str | None = None, status: int = 200) -> HTMLResponse:
    """Return a page; `content` is HTML, `alert` is text that says what went wrong."""
    shown = "" if alert is None else f'<p role="alert">{escape(alert)}</p>\n'
    body = fill("layout", title=escape(title), content=content, alert=shown)
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(body, status, headers)


def fill(name: str, **fields: str) -> str:
    """Return a template filled with HTML."""
    return _template(name).substitute(fields)


def escape(text: object) -> str:
    """Return a text as HTML."""
    return html.escape(str(text))


def money(amount: int, currency: str) -> str:
    """Return an amount as people write it, e.g. $10.00."""
    sign = "-" if amount < 0 else ""
    symbol = _SYMBOLS.get(currency, f"{currency.upper()} ")
    return f"{sign}{symbol}{abs(amount) // 100}.{abs(amount) % 100:02d}"


def date(moment: int) -> str:
    """Return a time as a day, in UTC."""
    day = datetime.fromtimestamp(moment, UTC)
    return f"{day.day} {day:%B %Y}"


async def form_of(request: Request) -> Object:
    """Return the fields of a posted form."""
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


@cache
def _template(name: str) -> Template:
    return Template((_HERE / f"{name}.html").read_text("utf-8"))
