"""The contract gate: what is said to and by the sandbox must be what stripe-python knows.

stripe-python is generated from Stripe's OpenAPI, so its annotations are the contract. They are
read from its source, with no import of what is read: the parameters of a request against the
TypedDict of the method that has its path, an answer against the class of its resource.

Literals are taken at their word, although stripe-python leaves them open (`Literal[...] | str`)
for words that Stripe may add later.
"""

import ast
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import stripe

from tests import annotations

_PACKAGE = Path(stripe.__file__).parent
_TIMEOUT_SECONDS = 60


class Drift(AssertionError):
    """Something was said that stripe-python does not know."""


@dataclass
class Gate:
    """What has passed the gate, and what should not have."""

    exchanges: int = 0
    violations: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Raise what should not have passed."""
        if self.violations:
            raise Drift("\n".join(dict.fromkeys(self.violations)))


@contextmanager
def checked(client: httpx.AsyncClient | stripe.HTTPXClient) -> Iterator[Gate]:
    """Check each request of a client and its answer; raises `Drift` at the end of the block."""
    used = client if isinstance(client, httpx.AsyncClient) else client._client_async
    gate = Gate()

    async def look(response: httpx.Response) -> None:
        await response.aread()
        request = response.request
        sent = request.content.decode() if request.method == "POST" else request.url.query.decode()
        if not request.url.path.startswith("/v1/"):
            return
        gate.exchanges += 1
        said = violations(
            request.method,
            request.url.path,
            decode(sent),
            response.status_code,
            response.json(),
        )
        gate.violations.extend(said)

    used.event_hooks = used.event_hooks | {
        "response": [*used.event_hooks["response"], look],
    }
    try:
        yield gate
    finally:
        hooks = [hook for hook in used.event_hooks["response"] if hook is not look]
        used.event_hooks = used.event_hooks | {"response": hooks}
    gate.close()


@asynccontextmanager
async def checked_sandbox(address: str) -> AsyncIterator[Gate]:
    """Check what anyone says to a sandbox and is answered: for programs in other processes."""
    async with _asking(address) as client:
        last = (await _said(client, after=2**62))["last"]
    gate = Gate()
    yield gate
    await listen(gate, address, after=last)
    gate.close()


async def listen(gate: Gate, address: str, *, after: int = 0) -> None:
    """Let a gate see what a sandbox was told after an exchange; by default since it was started."""
    async with _asking(address) as client:
        while (said := await _said(client, after=after))["exchanges"]:
            for row in said["exchanges"]:
                gate.exchanges += 1
                after = row["number"]
                if row["status"]:
                    names = ("method", "path", "params", "status", "response")
                    gate.violations.extend(violations(*(row[name] for name in names)))


def violations(method: str, path: str, params: Any, status: int, answer: Any) -> list[str]:
    """Return what is wrong with a request and its answer, in words; nothing if they are right."""
    operation = annotations.operation(method, path)
    if operation is None:
        return [f"{method} {path}: stripe-python knows no such endpoint"]
    said: list[str] = []
    if operation.params is not None:
        _Check(said, wire=True).value(params, operation.params, operation.module, "params")
    elif params:
        said.append("params: this endpoint takes none")
    check = _Check(said, wire=False)
    if status < httpx.codes.BAD_REQUEST:
        check.value(answer, operation.returns, operation.module, "answer")
    else:
        module = annotations.module("_error_object")
        error = answer.get("error") if isinstance(answer, dict) else answer
        check.value(error, ast.Name("ErrorObject"), module, "error")
    return [f"{method} {path}: {words}" for words in said]


def event_violations(event: Any) -> list[str]:
    """Return what is wrong with an event and the object in it."""
    said: list[str] = []
    check = _Check(said, wire=False)
    check.value(event, ast.Name("Event"), annotations.module("_event"), "event")
    if not said:
        contents = event["data"]["object"]
        place = annotations.object_classes().get(contents.get("object"))
        if place is None:
            return [f"event.data.object: unknown kind {contents.get('object')}"]
        check.value(contents, ast.Name(place[1]), annotations.module(place[0]), event["type"])
    return said


def decode(encoded: str) -> dict[str, Any]:
    """Return form-encoded parameters as dictionaries and lists of strings."""
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(encoded, keep_blank_values=True):
        steps = key.replace("]", "").split("[")
        node = tree
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        node[steps[-1]] = value
    return {name: _with_lists(value) for name, value in tree.items()}


@dataclass
class _Check:
    """Checks values against annotations; `wire` values are the strings of a form."""

    said: list[str]
    wire: bool
    enclosing: tuple[ast.ClassDef, ...] = ()

    def value(
        self, value: Any, annotation: ast.expr, module: annotations.Module, path: str
    ) -> None:
        """Note what is wrong with a value."""
        annotation = annotations.parsed(annotation)
        match annotation:
            case ast.Name(id=name):
                self._named(value, name, module, path)
            case ast.Subscript(value=ast.Name(id=name)):
                self._generic(value, name, annotation.slice, module, path)
            case ast.BinOp(op=ast.BitOr()):
                self._union(value, annotations.alternatives(annotation), module, path)
            case ast.Constant(value=None):
                self._expect(value is None, "null", value, path)
            case _:
                self.said.append(f"{path}: the gate cannot read {ast.unparse(annotation)}")

    def _named(self, value: Any, name: str, module: annotations.Module, path: str) -> None:
        if name in ("Any", "object"):
            return
        if name in _SCALARS:
            scalar = _SCALARS[name]
            fits = scalar.on_the_wire(value) if self.wire else scalar.in_json(value)
            self._expect(fits, name, value, path)
            return
        found = self._find(name, module)
        if found is None:
            self.said.append(f"{path}: the gate does not find {name}")
            return
        scope, home, node = found
        _Check(self.said, self.wire, scope)._object(value, node, home, path)

    def _find(
        self, name: str, module: annotations.Module
    ) -> tuple[tuple[ast.ClassDef, ...], annotations.Module, ast.ClassDef] | None:
        """Return where a class is: beside or around what names it, or in another file."""
        for depth in range(len(self.enclosing), 0, -1):
            for node in self.enclosing[depth - 1].body:
                if isinstance(node, ast.ClassDef) and node.name == name:
                    return (*self.enclosing[:depth], node), module, node
        if name in module.classes:
            return (module.classes[name],), module, module.classes[name]
        if name in module.imports:
            place, original = module.imports[name]
            return _Check([], self.wire)._find(original, annotations.module(place))
        return None

    def _generic(
        self, value: Any, name: str, inner: ast.expr, module: annotations.Module, path: str
    ) -> None:
        match name:
            case "Optional" | "NotRequired":
                if value is not None:
                    self.value(value, inner, module, path)
            case "ExpandableField":
                if not isinstance(value, str):
                    self.value(value, inner, module, path)
            case "Union":
                assert isinstance(inner, ast.Tuple)
                members = [annotations.parsed(part) for part in inner.elts]
                self._union(value, members, module, path)
            case "Literal":
                self._literal(value, annotations.literals(inner), path)
            case "List":
                self._list(value, inner, module, path)
            case "ListObject":
                self._list_object(value, inner, module, path)
            case "Dict" | "UntypedStripeObject":
                kind = inner.elts[1] if isinstance(inner, ast.Tuple) else inner
                self._mapping(value, kind, module, path)
            case _:
                self.said.append(f"{path}: the gate cannot read {name}[...]")

    def _literal(self, value: Any, allowed: list[Any], path: str) -> None:
        if self.wire and value in ("true", "false"):
            value = value == "true"
        self._expect(value in allowed, f"one of {allowed}", value, path)

    def _mapping(self, value: Any, inner: ast.expr, module: annotations.Module, path: str) -> None:
        if self._expect(isinstance(value, dict), "an object", value, path):
            for key, child in value.items():
                self.value(child, inner, module, f"{path}.{key}")

    def _list(self, value: Any, inner: ast.expr, module: annotations.Module, path: str) -> None:
        if self._expect(isinstance(value, list), "a list", value, path):
            for index, child in enumerate(value):
                self.value(child, inner, module, f"{path}[{index}]")

    def _list_object(
        self, value: Any, inner: ast.expr, module: annotations.Module, path: str
    ) -> None:
        fields = {"object", "data", "has_more", "url"}
        if not self._expect(isinstance(value, dict), "a list object", value, path):
            return
        if self._expect(set(value) == fields, f"the fields {sorted(fields)}", value, path):
            self._expect(value["object"] == "list", "'list'", value["object"], f"{path}.object")
            self._expect(isinstance(value["has_more"], bool), "bool", value["has_more"], path)
            self._expect(isinstance(value["url"], str), "str", value["url"], f"{path}.url")
            self._list(value["data"], inner, module, f"{path}.data")

    def _union(
        self, value: Any, alternatives: list[ast.expr], module: annotations.Module, path: str
    ) -> None:
        """Accept what one alternative accepts; else tell what is wrong with the nearest."""
        if annotations.closed(alternatives):
            alternatives = [one for one in alternatives if not annotations.is_name(one, "str")]
        nearest: list[str] | None = None
        for alternative in alternatives:
            trial = _Check([], self.wire, self.enclosing)
            trial.value(value, alternative, module, path)
            if not trial.said:
                return
            if nearest is None or (isinstance(value, dict) and len(trial.said) < len(nearest)):
                nearest = trial.said
        self.said.extend(nearest or [f"{path}: nothing is allowed here"])

    def _object(
        self, value: Any, node: ast.ClassDef, module: annotations.Module, path: str
    ) -> None:
        if not self._expect(isinstance(value, dict), node.name, value, path):
            return
        fields = annotations.fields(node)
        for name in value.keys() - fields.keys():
            self.said.append(f"{path}.{name}: {node.name} has no such field")
        gone = value.get("deleted") is True
        for name, known in fields.items():
            if name in value:
                self.value(value[name], known.annotation, module, f"{path}.{name}")
            elif known.required and not gone:
                self.said.append(f"{path}.{name}: is missing")

    def _expect(self, fits: bool, wanted: str, value: Any, path: str) -> bool:  # noqa: FBT001
        if not fits:
            self.said.append(f"{path}: {json.dumps(value)[:80]} is not {wanted}")
        return fits


@dataclass(frozen=True)
class _Scalar:
    in_json: Callable[[Any], bool]
    on_the_wire: Callable[[Any], bool]


def _is_decimal(value: Any) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


_SCALARS = {
    "str": _Scalar(lambda value: isinstance(value, str), lambda value: isinstance(value, str)),
    "int": _Scalar(
        lambda value: type(value) is int,
        lambda value: isinstance(value, str) and re.fullmatch(r"-?\d+", value) is not None,
    ),
    "bool": _Scalar(
        lambda value: isinstance(value, bool), lambda value: value in ("true", "false")
    ),
    "float": _Scalar(lambda value: type(value) in (int, float), _is_decimal),
    "Decimal": _Scalar(_is_decimal, _is_decimal),
}


def _asking(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, timeout=_TIMEOUT_SECONDS, trust_env=False)


async def _said(client: httpx.AsyncClient, *, after: int) -> Any:
    answer = await client.get("/_sandbox/exchanges", params={"after": after})
    return answer.raise_for_status().json()


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    children = {name: _with_lists(value) for name, value in node.items()}
    if children and all(name.isdigit() for name in children):
        return [children[name] for name in sorted(children, key=int)]
    return children
