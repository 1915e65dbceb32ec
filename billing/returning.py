"""Where people come back to from a page that is not ours: only to origins that are allowed."""

from collections.abc import Collection
from urllib.parse import urlsplit

from billing.errors import ReturnUrlNotAllowed

URL_LENGTH_MAX = 2_048
"""The most characters of an address to return to."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEMES = ("http://", "https://")


def check(url: str, *, origins: Collection[str], about: str) -> None:
    """Refuse an address that is not of one of the origins, such as `https://app.example.com`.

    Raises ReturnUrlNotAllowed.
    """
    is_readable = len(url) <= URL_LENGTH_MAX and _is_plain(url)
    origin = _origin(url) if is_readable else None
    if origin is None or origin not in map(_origin, origins):
        raise ReturnUrlNotAllowed(about)


def _is_plain(url: str) -> bool:
    """Tell whether every reader takes the address to be of the same place.

    Browsers drop tabs and line ends, and read a backslash as a slash; who is named before an `@`
    is no host, however much it looks like one. Not every reader takes a scheme in capitals.
    """
    is_of_the_web = url.startswith(_SCHEMES)
    is_clear = url.isascii() and url.isprintable() and not set(url) & set(" \\@<>\"'`^|")
    return is_of_the_web and is_clear


def _origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port; None for what is no address of the web."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host:
        return None
    return parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme]
