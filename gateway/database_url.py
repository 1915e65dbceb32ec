"""The address of a PostgreSQL server: as hosts give it, and as the asyncpg dialect reads it.

Nothing here repeats an address: it holds a password.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

_SCHEMES: Final = ("postgres", "postgresql", "postgresql+asyncpg")
_OPTIONS: Final = ("host", "port", "ssl", "passfile", "target_session_attrs")


def for_asyncpg(url: str) -> str:
    """Return `url` with the scheme and the options of the asyncpg dialect.

    Raises ValueError, whose message says what is wrong.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError when it is no number
    except ValueError:
        raise ValueError("is no address of the form postgresql://user:password@host/db") from None
    if parts.scheme not in _SCHEMES:
        raise ValueError("must begin with postgresql:// (the gateway runs on PostgreSQL only)")
    if not parts.path.strip("/"):
        raise ValueError("names no database: postgresql://user:password@host/DATABASE")

    options = urlencode(list(_options(parts.query)), safe="/:")
    address = f"postgresql+asyncpg://{parts.netloc}{parts.path}"
    return f"{address}?{options}" if options else address


def _options(query: str) -> Iterator[tuple[str, str]]:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "sslmode":
            yield "ssl", value
        elif name in _OPTIONS:
            yield name, value
        elif name != "channel_binding":  # asyncpg binds where the server offers it
            raise ValueError(f"has the option {name!r}; known: sslmode, {', '.join(_OPTIONS)}")
