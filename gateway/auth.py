"""Who asks: from an `Authorization` header to a viewer, and development tokens.

    AuthenticationError
    ├── InvalidToken(reason)         the credentials are wrong: 401
    └── AuthenticationUnavailable    they cannot be judged now: 503

A person's token names its subject in `sub`. A service's token carries `actor: "service"`, its
name in `sub` and its scopes in `scope`, separated by spaces. Roles are never in a token: they
come from the memberships, on each request.
"""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import jwt
from jwt.exceptions import InvalidSubjectError

from billing import access
from billing.access import Person, Scope, Service, Viewer
from gateway.jwks import KeySet, KeysUnavailable
from gateway.settings import Settings

SCOPES: Final[frozenset[str]] = frozenset(Scope)
_SYMMETRIC_ALGORITHM: Final = "HS256"
_BEARER: Final = re.compile(r"bearer +([\w.=-]+)", re.ASCII | re.IGNORECASE)
_SCHEME: Final = re.compile(r"bearer( |$)", re.IGNORECASE)


class Reason(StrEnum):
    """Why a token is refused: stable words, safe to show to whoever sent it."""

    BAD_SIGNATURE = "BAD_SIGNATURE"
    EXPIRED = "EXPIRED"
    MALFORMED = "MALFORMED"
    MISSING_CLAIM = "MISSING_CLAIM"
    NOT_CONFIGURED = "NOT_CONFIGURED"
    NOT_YET_VALID = "NOT_YET_VALID"
    TOO_LONG = "TOO_LONG"
    UNKNOWN_ACTOR = "UNKNOWN_ACTOR"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    UNSUPPORTED_SCHEME = "UNSUPPORTED_SCHEME"
    WRONG_ALGORITHM = "WRONG_ALGORITHM"
    WRONG_AUDIENCE = "WRONG_AUDIENCE"
    WRONG_ISSUER = "WRONG_ISSUER"
    WRONG_SUBJECT = "WRONG_SUBJECT"


_EXPLANATIONS: Final = {
    Reason.BAD_SIGNATURE: "The token's signature does not match.",
    Reason.EXPIRED: "The token has expired.",
    Reason.MALFORMED: "The Authorization header must be `Bearer` and one JSON Web Token.",
    Reason.MISSING_CLAIM: "The token lacks a claim: exp and sub, and iss and aud where they count.",
    Reason.NOT_CONFIGURED: "This gateway has no key to verify tokens with.",
    Reason.NOT_YET_VALID: "The token is not valid yet.",
    Reason.TOO_LONG: "The token is too long.",
    Reason.UNKNOWN_ACTOR: "The token's actor must be a person or a service with a list of scopes.",
    Reason.UNKNOWN_KEY: "The token is signed with a key that its issuer does not publish.",
    Reason.UNSUPPORTED_SCHEME: "The Authorization header must use the Bearer scheme.",
    Reason.WRONG_ALGORITHM: "The token is signed with an algorithm that is not accepted.",
    Reason.WRONG_AUDIENCE: "The token is meant for another audience.",
    Reason.WRONG_ISSUER: "The token comes from another issuer.",
    Reason.WRONG_SUBJECT: "The token's subject must be 1 to 255 printable characters, "
    "without blanks around them.",
}

_REASONS: Final[tuple[tuple[type[jwt.PyJWTError], Reason], ...]] = (
    (jwt.ExpiredSignatureError, Reason.EXPIRED),
    (jwt.ImmatureSignatureError, Reason.NOT_YET_VALID),
    (jwt.InvalidSignatureError, Reason.BAD_SIGNATURE),
    (jwt.InvalidIssuerError, Reason.WRONG_ISSUER),
    (jwt.InvalidAudienceError, Reason.WRONG_AUDIENCE),
    (InvalidSubjectError, Reason.WRONG_SUBJECT),
    (jwt.InvalidAlgorithmError, Reason.WRONG_ALGORITHM),
    (jwt.MissingRequiredClaimError, Reason.MISSING_CLAIM),
    (jwt.PyJWTError, Reason.MALFORMED),
)


class AuthenticationError(Exception):
    """Credentials were sent, and they do not say who asks."""


class InvalidToken(AuthenticationError):
    """The credentials are wrong, for a stable `reason`; the message never repeats them."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_EXPLANATIONS[reason])
        self.reason = reason


class AuthenticationUnavailable(AuthenticationError):
    """The issuer's keys cannot be fetched; ask again after `retry_after_seconds`."""

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__("Tokens cannot be verified now: the issuer's keys cannot be fetched.")
        self.retry_after_seconds = retry_after_seconds


class SharedSecretMissing(Exception):
    """Development tokens are signed with the shared secret, and none is set."""

    def __init__(self) -> None:
        super().__init__("GATEWAY_AUTH_SHARED_SECRET is not set: it signs development tokens")


@dataclass(frozen=True, slots=True)
class _Verified:
    viewer: Viewer
    expires_at: float  # seconds since 1970, the clock skew included
    generation: int


class Authenticator:
    """Verifies tokens, with the keys and the verified tokens it remembers. `close` it.

    `clock` is the one that ages the key set.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._keys = KeySet(settings, clock=clock) if settings.auth_jwks_url else None
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()
        self._options: jwt.types.Options = {
            "require": ["exp", "sub"],
            "enforce_minimum_key_length": True,
        }

    async def close(self) -> None:
        """Forget the tokens and close the connection to the issuer."""
        self._verified.clear()
        if self._keys is not None:
            await self._keys.close()

    async def authenticate(self, header: str | None) -> Viewer | None:
        """Return whom the value of an `Authorization` header names; None without a header.

        Raises InvalidToken or AuthenticationUnavailable.
        """
        if header is None:
            return None
        token = self._read(header)

        try:
            if self._keys is not None:
                await self._keys.renew()
            digest = hashlib.sha256(token.encode()).digest()
            viewer = self._recall(digest)
            if viewer is None:
                claims = await self._verify(token)
                viewer = _viewer(claims)
                self._remember(digest, viewer, claims)
        except KeysUnavailable:
            raise AuthenticationUnavailable(
                retry_after_seconds=max(1, self._settings.auth_jwks_cooldown_seconds)
            ) from None
        return viewer

    def _read(self, header: str) -> str:
        if len(header) > self._settings.auth_token_limit_bytes:
            raise InvalidToken(Reason.TOO_LONG)
        if not _SCHEME.match(header):
            raise InvalidToken(Reason.UNSUPPORTED_SCHEME)
        match = _BEARER.fullmatch(header.rstrip(" "))
        if match is None:
            raise InvalidToken(Reason.MALFORMED)
        return match[1]

    def _recall(self, digest: bytes) -> Viewer | None:
        known = self._verified.get(digest)
        if known is None:
            return None
        if known.expires_at <= time.time() or known.generation != self._generation():
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return known.viewer

    def _remember(self, digest: bytes, viewer: Viewer, claims: dict[str, Any]) -> None:
        expires_at = int(claims["exp"]) + self._settings.auth_clock_skew_seconds
        self._verified[digest] = _Verified(viewer, expires_at, self._generation())
        while len(self._verified) > self._settings.auth_token_cache_entries:
            self._verified.popitem(last=False)

    def _generation(self) -> int:
        return 0 if self._keys is None else self._keys.generation

    async def _verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a token whose signature, times, issuer and audience are right."""
        try:
            key, algorithm = await self._key(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                options=self._options,
                issuer=self._settings.auth_issuer,
                audience=self._settings.auth_audience,
                leeway=self._settings.auth_clock_skew_seconds,
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(_reason(error)) from None
        return claims

    async def _key(self, token: str) -> tuple[jwt.PyJWK | str, str]:
        """Return the key to verify with and the one algorithm that it is for.

        A shared secret is only ever an HS256 key and a published key never is, so neither can be
        passed off as the other.
        """
        secret = self._settings.auth_shared_secret
        if secret is not None:
            return secret.get_secret_value(), _SYMMETRIC_ALGORITHM
        if self._keys is None:
            raise InvalidToken(Reason.NOT_CONFIGURED)
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in self._settings.auth_jwks_algorithms:
            raise InvalidToken(Reason.WRONG_ALGORITHM)
        key = await self._keys.find(key_id=header.get("kid"), algorithm=algorithm)
        if key is None:
            raise InvalidToken(Reason.UNKNOWN_KEY)
        return key, algorithm


def issue_development_token(
    settings: Settings, *, viewer: Viewer, lifetime: timedelta, now: datetime
) -> str:
    """Return a token for `viewer`, signed with the shared secret, valid from `now` on.

    Raises SharedSecretMissing without a secret, and InvalidToken for a name no token may carry.
    """
    if settings.auth_shared_secret is None:
        raise SharedSecretMissing

    claims: dict[str, Any] = {"iat": now, "exp": now + lifetime}
    if isinstance(viewer, Service):
        claims |= {"sub": viewer.name, "actor": "service", "scope": " ".join(sorted(viewer.scopes))}
    else:
        claims["sub"] = viewer.subject
    if settings.auth_issuer is not None:
        claims["iss"] = settings.auth_issuer
    if settings.auth_audience is not None:
        claims["aud"] = settings.auth_audience
    _viewer(claims)
    secret = settings.auth_shared_secret.get_secret_value()
    return jwt.encode(claims, secret, algorithm=_SYMMETRIC_ALGORITHM)


def _reason(error: jwt.PyJWTError) -> Reason:
    return next(reason for kind, reason in _REASONS if isinstance(error, kind))


def _viewer(claims: dict[str, Any]) -> Viewer:
    """Return whom verified claims name. Scopes that the gateway does not know are left out."""
    subject = claims["sub"]
    actor = claims.get("actor", "person")
    scope = claims.get("scope", "")
    if not access.is_subject(subject):
        raise InvalidToken(Reason.WRONG_SUBJECT)

    if actor == "person":
        return Person(subject)
    if actor == "service" and isinstance(scope, str):
        return Service(subject, SCOPES.intersection(scope.split()))
    raise InvalidToken(Reason.UNKNOWN_ACTOR)
