"""The issuer's public keys (JWKS): fetched once, renewed, served stale while the issuer is down."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import jwt
import orjson
import structlog

from gateway.settings import Settings

_ALGORITHMS_OF_CURVE: Final[dict[str, tuple[str, ...]]] = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA",),
    "Ed448": ("EdDSA",),
}
_RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")

_Name = tuple[str | None, str]
"""What a key is found by: its id and an algorithm that it may verify."""

log = structlog.get_logger(__name__)


class KeysUnavailable(Exception):
    """The key set cannot be fetched, and none that may still be used is known."""


class KeySet:
    """The keys of one issuer. One a process; `close` it.

    Keys younger than `auth_jwks_cache_seconds` are used as they are. Older ones are renewed before
    they are used, so that a withdrawn key ends within that time; while that fails they serve up to
    `auth_jwks_stale_seconds`. An unknown key id asks for another fetch. All callers share one fetch
    at a time, and `auth_jwks_cooldown_seconds` lie between two.

    `generation` rises whenever the keys change. `clock` gives seconds that never run backwards.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        assert settings.auth_jwks_url is not None
        self.generation = 0
        self._url = settings.auth_jwks_url
        self._settings = settings
        self._clock = clock
        self._client = httpx.AsyncClient(timeout=settings.auth_jwks_timeout_seconds)
        self._keys: dict[_Name, jwt.PyJWK] = {}
        self._published: dict[_Name, dict[str, Any]] = {}
        self._fetched_at = float("-inf")
        self._attempted_at = float("-inf")
        self._is_failing = False
        self._fetching: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop a fetch that is under way and close the connections."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        await self._client.aclose()

    async def renew(self) -> None:
        """See that the keys may be used, fetching them when they are old.

        Raises KeysUnavailable when they are too old to be used and cannot be fetched.
        """
        if self._age() <= self._settings.auth_jwks_cache_seconds:
            return
        if self._may_fetch():
            fetch = self._fetch_once()
            # While the issuer is down, nobody waits for it who has keys that still serve.
            if not self._is_failing or self._is_stale():
                await asyncio.shield(fetch)
        if self._is_stale():
            raise KeysUnavailable

    async def find(self, *, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the key that a token names, fetching the set again when it is not known.

        A token may leave out the id when just one key fits the algorithm. Raises KeysUnavailable
        when the key is unknown and the issuer cannot be asked about it.
        """
        await self.renew()
        key = self._choose(key_id, algorithm)
        if key is not None or key_id is None:
            return key
        if self._may_fetch():
            await asyncio.shield(self._fetch_once())
            key = self._choose(key_id, algorithm)
        if key is None and self._is_failing:
            raise KeysUnavailable
        return key

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _is_stale(self) -> bool:
        return self._age() > self._settings.auth_jwks_stale_seconds

    def _may_fetch(self) -> bool:
        if self._fetching is not None:
            return True  # it is joined, not repeated
        return self._clock() - self._attempted_at >= self._settings.auth_jwks_cooldown_seconds

    def _choose(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        if key_id is not None:
            return self._keys.get((key_id, algorithm))
        fitting = [key for (_, name), key in self._keys.items() if name == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    def _fetch_once(self) -> asyncio.Task[None]:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._settings.auth_jwks_timeout_seconds):
                body = await self._download()
            published = dict(_published(orjson.loads(body), self._settings.auth_jwks_algorithms))
            keys = _usable(published)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            self._is_failing = True
            log.warning("key_set_unavailable", url=self._url, error=str(error) or repr(error))
        else:
            self._is_failing = False
            self._fetched_at = self._clock()
            if published != self._published:
                self._keys, self._published = keys, published
                self.generation += 1
                log.info("key_set_changed", url=self._url, keys=sorted({str(k) for k, _ in keys}))
        finally:
            self._attempted_at = self._clock()
            self._fetching = None

    async def _download(self) -> bytes:
        body = bytearray()
        headers = {"Accept": "application/jwk-set+json, application/json"}
        async with self._client.stream("GET", self._url, headers=headers) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._settings.auth_jwks_limit_bytes:
                    raise ValueError("the key set is longer than GATEWAY_AUTH_JWKS_LIMIT_BYTES")
        return bytes(body)


def _published(document: Any, allowed: tuple[str, ...]) -> Iterator[tuple[_Name, dict[str, Any]]]:
    """Yield each JWK of a key set that may verify, under its id and each algorithm it fits.

    Raises ValueError for what is no key set.
    """
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("the answer is no key set")  # noqa: TRY004 - the answer's value is wrong
    for jwk in document["keys"]:
        if not isinstance(jwk, dict) or not _verifies(jwk):
            continue
        key_id = jwk.get("kid")
        if key_id is None or isinstance(key_id, str):
            for algorithm in _algorithms(jwk):
                if algorithm in allowed:
                    yield (key_id, algorithm), jwk


def _verifies(jwk: dict[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    is_private = "d" in jwk  # a private key that is published signs for anybody
    return (
        jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and not is_private
    )


def _algorithms(jwk: dict[str, Any]) -> tuple[str, ...]:
    """Return what a JWK may verify. Never a symmetric algorithm: a public key is no secret."""
    kind, curve = jwk.get("kty"), jwk.get("crv")
    fitting: tuple[str, ...] = ()
    if kind == "RSA":
        fitting = _RSA_ALGORITHMS
    elif kind in ("EC", "OKP") and isinstance(curve, str):
        fitting = _ALGORITHMS_OF_CURVE.get(curve, ())
    declared = jwk.get("alg")
    return fitting if declared is None else tuple(name for name in fitting if name == declared)


def _usable(published: dict[_Name, dict[str, Any]]) -> dict[_Name, jwt.PyJWK]:
    """Return the keys, leaving out (and logging) broken ones and those too short to be safe.

    Raises ValueError when none is left.
    """
    keys: dict[_Name, jwt.PyJWK] = {}
    for (key_id, algorithm), jwk in published.items():
        try:
            key = jwt.PyJWK(jwk, algorithm)
            weakness = key.Algorithm.check_key_length(key.key)
        except jwt.PyJWTError as error:
            weakness = type(error).__name__
        if weakness:
            log.warning("key_unusable", key_id=key_id, algorithm=algorithm, reason=weakness)
        else:
            keys[key_id, algorithm] = key
    if not keys:
        raise ValueError("the key set holds no key that could verify a token")
    return keys
