"""Parameters: Stripe's form encoding, and the shapes that say what an endpoint takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sandbox import errors
from sandbox.errors import Object, StripeError

Reader = Callable[[Any, str], Any]
Shape = dict[str, "Reader | Required"]

METADATA_KEYS_MAXIMUM = 50
METADATA_KEY_LENGTH_MAXIMUM = 40
METADATA_VALUE_LENGTH_MAXIMUM = 500


@dataclass(frozen=True)
class Required:
    """A reader whose parameter must be there."""

    reader: Reader


def decode(encoded: str) -> Object:
    """Return `a[b][0][c]=1` as nested dictionaries and lists of strings."""
    tree: Object = {}
    for key, value in parse_qsl(encoded, keep_blank_values=True, strict_parsing=False):
        name, *rest = key.replace("]", "").split("[")
        node = tree
        for step in rest:
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise errors.invalid_request(f"Invalid parameters: {key}", executed=False)
            name = step or str(len(node))
        node[name] = value
    return {name: _lists(value) for name, value in tree.items()}


def read(shape: Shape, raw: Object, path: str = "") -> Object:
    """Return the parameters by name, converted; raises a 400 that names the one at fault."""
    for name in raw:
        if name not in shape:
            where = f"{path}[{name}]" if path else name
            raise _wrong(f"Received unknown parameter: {where}", where, "parameter_unknown")
    values = {}
    for name, reader in shape.items():
        where = f"{path}[{name}]" if path else name
        if name in raw:
            values[name] = (reader.reader if isinstance(reader, Required) else reader)(
                raw[name], where
            )
        elif isinstance(reader, Required):
            raise _wrong(f"Missing required param: {where}.", where, "parameter_missing")
    return values


def text(raw: Any, path: str) -> str:
    """Read a string; an empty one unsets what it names."""
    if not isinstance(raw, str):
        raise _wrong(f"Invalid string: {raw}", path)
    return raw


def url(raw: Any, path: str) -> str:
    """Read an address of the web."""
    if not text(raw, path).startswith(("http://", "https://")):
        raise _wrong("Not a valid URL", path, "url_invalid")
    return text(raw, path)


def integer(raw: Any, path: str) -> int:
    """Read a whole number."""
    try:
        return int(text(raw, path))
    except ValueError:
        raise _wrong(f"Invalid integer: {raw}", path, "parameter_invalid_integer") from None


def boolean(raw: Any, path: str) -> bool:
    """Read `true` or `false`."""
    if raw not in ("true", "false"):
        raise _wrong(f"Invalid boolean: {raw}", path)
    return bool(raw == "true")


def choice(*allowed: str) -> Reader:
    """Return a reader of one of these words."""

    def read_choice(raw: Any, path: str) -> str:
        if raw not in allowed:
            last = f"{', '.join(allowed[:-1])} or {allowed[-1]}" if allowed[1:] else allowed[0]
            raise _wrong(f"Invalid {path}: must be one of {last}", path)
        return str(raw)

    return read_choice


def blankable(reader: Reader) -> Reader:
    """Return a reader that gives None for an empty string, which unsets a field."""
    return lambda raw, path: None if raw == "" else reader(raw, path)


def either(*readers: Reader) -> Reader:
    """Return a reader that takes what any of these takes."""

    def read_either(raw: Any, path: str) -> Any:
        for reader in readers[:-1]:
            try:
                return reader(raw, path)
            except StripeError:
                continue
        return readers[-1](raw, path)

    return read_either


def nested(shape: Shape) -> Reader:
    """Return a reader of an object of this shape."""

    def read_nested(raw: Any, path: str) -> Object:
        if not isinstance(raw, dict):
            raise _wrong("Invalid object", path)
        return read(shape, raw, path)

    return read_nested


def listed(reader: Reader) -> Reader:
    """Return a reader of a list."""

    def read_list(raw: Any, path: str) -> list[Any]:
        if raw == "":
            return []
        if not isinstance(raw, list):
            raise _wrong("Invalid array", path)
        return [reader(value, f"{path}[{index}]") for index, value in enumerate(raw)]

    return read_list


def metadata(raw: Any, path: str) -> dict[str, str]:
    """Read metadata; an empty string clears it, which is returned as `{"": ""}`."""
    if raw == "":
        return {"": ""}
    if not isinstance(raw, dict):
        raise _wrong("Invalid object", path)
    if len(raw) > METADATA_KEYS_MAXIMUM:
        raise _wrong(f"Metadata may have up to {METADATA_KEYS_MAXIMUM} keys", path)
    for key, value in raw.items():
        if len(key) > METADATA_KEY_LENGTH_MAXIMUM:
            raise _wrong("Metadata keys may have up to 40 characters", f"{path}[{key}]")
        if len(text(value, f"{path}[{key}]")) > METADATA_VALUE_LENGTH_MAXIMUM:
            raise _wrong("Metadata values may have up to 500 characters", f"{path}[{key}]")
    return dict(raw)


def merged(old: dict[str, str], change: dict[str, str]) -> dict[str, str]:
    """Return metadata after a change: empty values unset their keys."""
    if change == {"": ""}:
        return {}
    return {key: value for key, value in (old | change).items() if value != ""}


MOMENT = either(integer, nested({"gt": integer, "gte": integer, "lt": integer, "lte": integer}))
PAGE: Shape = {
    "limit": integer,
    "starting_after": text,
    "ending_before": text,
    "expand": listed(text),
}
EXPAND: Shape = {"expand": listed(text)}


def _wrong(message: str, path: str, code: str | None = None) -> StripeError:
    return errors.invalid_request(message, param=path, code=code, executed=False)


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    children = {name: _lists(value) for name, value in node.items()}
    if children and all(name.isdigit() for name in children):
        return [children[name] for name in sorted(children, key=int)]
    return children
