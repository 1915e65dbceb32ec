"""Tokens of a key set: published, rotated and withdrawn keys, and an issuer that is down."""

import asyncio
import base64
import contextlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from billing.access import Person
from gateway import jwks
from gateway.auth import AuthenticationUnavailable, Authenticator, InvalidToken, Reason
from gateway.settings import ASYMMETRIC_ALGORITHMS, Settings
from tests import issuer as issuers
from tests.issuer import Issuer, SigningKey

Open = Callable[..., Authenticator]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        """Return the seconds it shows."""
        return self.seconds


@pytest.fixture
async def open_authenticator() -> AsyncIterator[Open]:
    """Make authenticators that are closed after the test."""
    opened: list[Authenticator] = []

    def make(settings: Settings, clock: Callable[[], float] = time.monotonic) -> Authenticator:
        opened.append(Authenticator(settings, clock=clock))
        return opened[-1]

    yield make
    for authenticator in opened:
        await authenticator.close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Run an issuer that publishes nothing yet."""
    with Issuer() as running:
        yield running


@pytest.fixture(scope="session")
def rsa_key() -> SigningKey:
    """Make an RSA key."""
    return issuers.rsa_key()


@pytest.fixture(scope="session")
def ec_key() -> SigningKey:
    """Make a key on P-256."""
    return issuers.ec_key()


async def refusal(asked: Awaitable[object]) -> Reason:
    """Return why a token was refused."""
    with pytest.raises(InvalidToken) as caught:
        await asked
    return caught.value.reason


@pytest.mark.parametrize(
    "make_key",
    [
        issuers.rsa_key,
        partial(issuers.rsa_key, algorithm="PS512"),
        issuers.ec_key,
        issuers.ed25519_key,
    ],
    ids=["RS256", "PS512", "ES256", "EdDSA"],
)
async def test_a_published_key_verifies(
    open_authenticator: Open, issuer: Issuer, make_key: Callable[[], SigningKey]
) -> None:
    """Of each kind, with and without the optional members of a JWK, fetched once."""
    key = make_key()
    settings = issuer.settings(auth_jwks_algorithms=("RS256", "PS512", "ES256", "EdDSA"))
    for members in ({}, {"alg": ..., "use": ...}, {"key_ops": ["verify"]}):
        issuer.publish(key.published(**members))
        authenticator = open_authenticator(settings)
        for _ in range(3):
            assert await authenticator.authenticate(f"Bearer {key.sign()}") == Person("ada")
    assert issuer.requests == ["/jwks.json"] * 3


async def test_a_rotated_key_is_picked_up(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey, ec_key: SigningKey
) -> None:
    """At the first token that names it; the withdrawn one's remembered tokens end with it."""
    clock = Clock()
    issuer.publish(rsa_key.published())
    authenticator = open_authenticator(issuer.settings(auth_jwks_cooldown_seconds=10), clock)
    old, new = f"Bearer {rsa_key.sign()}", f"Bearer {ec_key.sign(sub='bob')}"
    assert await authenticator.authenticate(old) == Person("ada")

    issuer.publish(ec_key.published())
    clock.seconds += 10
    assert await authenticator.authenticate(new) == Person("bob")
    assert await refusal(authenticator.authenticate(old)) is Reason.UNKNOWN_KEY
    assert len(issuer.requests) == 2


async def test_a_withdrawn_key_ends_with_the_cache(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey, ec_key: SigningKey
) -> None:
    """Also for a token that was verified before, and before its next use."""
    clock = Clock()
    issuer.publish(rsa_key.published())
    authenticator = open_authenticator(issuer.settings(auth_jwks_cache_seconds=600), clock)
    header = f"Bearer {rsa_key.sign()}"
    await authenticator.authenticate(header)

    issuer.publish(ec_key.published())
    clock.seconds += 600
    assert await authenticator.authenticate(header) == Person("ada")
    clock.seconds += 1
    assert await refusal(authenticator.authenticate(header)) is Reason.UNKNOWN_KEY


async def test_unknown_keys_cannot_make_the_gateway_flood_the_issuer(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey
) -> None:
    """One fetch a cool-down, whatever key ids arrive; good tokens are served all the while."""
    clock = Clock()
    issuer.publish(rsa_key.published())
    authenticator = open_authenticator(issuer.settings(auth_jwks_cooldown_seconds=10), clock)
    for number in range(50):
        strange = rsa_key.sign(headers={"kid": f"../../{number}"})
        assert await refusal(authenticator.authenticate(f"Bearer {strange}")) is Reason.UNKNOWN_KEY
        assert await authenticator.authenticate(f"Bearer {rsa_key.sign()}") == Person("ada")
    assert issuer.requests == ["/jwks.json"]
    clock.seconds += 10
    await refusal(authenticator.authenticate(f"Bearer {rsa_key.sign(headers={'kid': 'x'})}"))
    assert issuer.requests == ["/jwks.json"] * 2


async def test_requests_at_the_same_time_share_one_fetch(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey
) -> None:
    """And one that is given up does not take the fetch from the others."""
    issuer.publish(rsa_key.published())
    issuer.may_answer.clear()
    authenticator = open_authenticator(issuer.settings())
    asked = [
        asyncio.create_task(authenticator.authenticate(f"Bearer {rsa_key.sign()}"))
        for _ in range(20)
    ]
    async with asyncio.timeout(10):
        while not issuer.requests:
            await asyncio.wait(asked, timeout=0.01)
    asked[0].cancel()
    issuer.may_answer.set()
    assert await asyncio.gather(*asked[1:]) == [Person("ada")] * 19
    assert asked[0].cancelled()
    assert len(issuer.requests) == 1


async def test_an_outage_at_the_start_is_no_fault_of_the_token(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey
) -> None:
    """It says so, asks at most once a cool-down, and recovers after it."""
    clock = Clock()
    issuer.status = 503
    issuer.publish(rsa_key.published())
    authenticator = open_authenticator(issuer.settings(auth_jwks_cooldown_seconds=10), clock)
    for _ in range(3):
        with pytest.raises(AuthenticationUnavailable) as caught:
            await authenticator.authenticate(f"Bearer {rsa_key.sign()}")
        assert caught.value.retry_after_seconds == 10
    assert len(issuer.requests) == 1

    issuer.status = 200
    clock.seconds += 10
    assert await authenticator.authenticate(f"Bearer {rsa_key.sign()}") == Person("ada")


async def test_known_keys_serve_in_an_outage_until_they_are_stale(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey
) -> None:
    """Remembered tokens and new ones; then nothing can be verified, and that is no 401."""
    clock = Clock()
    issuer.publish(rsa_key.published())
    settings = issuer.settings(auth_jwks_cache_seconds=600, auth_jwks_stale_seconds=3_600)
    authenticator = open_authenticator(settings, clock)
    remembered = f"Bearer {rsa_key.sign()}"
    await authenticator.authenticate(remembered)

    issuer.status = 500
    clock.seconds += 3_600
    assert await authenticator.authenticate(remembered) == Person("ada")
    assert await authenticator.authenticate(f"Bearer {rsa_key.sign(sub='bob')}") == Person("bob")
    clock.seconds += 1
    for header in (remembered, f"Bearer {rsa_key.sign()}"):
        with pytest.raises(AuthenticationUnavailable):
            await authenticator.authenticate(header)


async def test_nobody_waits_for_an_issuer_that_is_known_to_be_down(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey
) -> None:
    """Only the first request after the cache's age waits; the next fetch runs beside the others."""
    clock = Clock()
    issuer.publish(rsa_key.published())
    authenticator = open_authenticator(issuer.settings(auth_jwks_cooldown_seconds=10), clock)
    header = f"Bearer {rsa_key.sign()}"
    await authenticator.authenticate(header)
    issuer.status = 500
    clock.seconds += 601
    await authenticator.authenticate(header)

    issuer.may_answer.clear()
    clock.seconds += 10
    assert await authenticator.authenticate(header) == Person("ada")
    assert len(issuer.requests) <= 3


async def test_an_unknown_key_in_an_outage_is_not_called_unknown(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey, ec_key: SigningKey
) -> None:
    """Nobody can tell whether the issuer has published it since."""
    clock = Clock()
    issuer.publish(rsa_key.published())
    authenticator = open_authenticator(issuer.settings(auth_jwks_cooldown_seconds=10), clock)
    await authenticator.authenticate(f"Bearer {rsa_key.sign()}")
    issuer.status = 500
    clock.seconds += 10
    for _ in range(2):
        with pytest.raises(AuthenticationUnavailable):
            await authenticator.authenticate(f"Bearer {ec_key.sign()}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"\xff",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [7, null, {}, {"kty": "RSA"}, {"kty": "EC", "crv": []}]}',
        b'{"keys": [{"kty": "RSA", "kid": "rsa", "n": "!", "e": "AQAB"}]}',
        b'{"keys": ' + b"[" * 10_000,
        b'{"keys": "' + b"x" * 600_000 + b'"}',
    ],
    ids=lambda body: body[:20].decode("ascii", "replace"),
)
async def test_a_broken_key_set_is_an_outage(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey, body: bytes
) -> None:
    """At the start nothing can be verified; later the keys that are known stay."""
    clock = Clock()
    issuer.body = body
    authenticator = open_authenticator(issuer.settings(auth_jwks_cooldown_seconds=0), clock)
    with pytest.raises(AuthenticationUnavailable):
        await authenticator.authenticate(f"Bearer {rsa_key.sign()}")

    issuer.body = None
    issuer.publish(rsa_key.published())
    assert await authenticator.authenticate(f"Bearer {rsa_key.sign()}") == Person("ada")
    issuer.body = body
    clock.seconds += 700
    assert await authenticator.authenticate(f"Bearer {rsa_key.sign()}") == Person("ada")


_WORDS = ("RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "RS256", "ES256", "sig", "AQAB", "A" * 43)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(_WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
_MEMBERS = ("kty", "kid", "use", "alg", "crv", "x", "y", "n", "e", "k", "key_ops", "oth")
_JWK = st.dictionaries(st.sampled_from(_MEMBERS), _JSON)


@given(st.fixed_dictionaries({"keys": st.lists(_JWK | _JSON, max_size=3)}) | _JSON)
def test_any_json_is_a_key_set_or_none(document: Any) -> None:
    """Whatever an issuer publishes, nothing but ValueError comes of it."""
    with contextlib.suppress(ValueError):
        jwks._usable(dict(jwks._published(document, ASYMMETRIC_ALGORITHMS)))


async def test_an_issuer_that_does_not_answer_is_given_up(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey
) -> None:
    """After the timeout that is set."""
    issuer.may_answer.clear()
    authenticator = open_authenticator(issuer.settings(auth_jwks_timeout_seconds=0.2))
    with pytest.raises(AuthenticationUnavailable):
        await authenticator.authenticate(f"Bearer {rsa_key.sign()}")


async def test_a_redirect_of_the_key_set_is_not_followed(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey
) -> None:
    """Keys come from the address that the operator named."""
    issuer.status = 302
    issuer.publish(rsa_key.published())
    with pytest.raises(AuthenticationUnavailable):
        await open_authenticator(issuer.settings()).authenticate(f"Bearer {rsa_key.sign()}")


async def test_a_public_key_is_never_a_shared_secret(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey
) -> None:
    """The classic confusion: HS256 with the published key's PEM, DER or modulus as the secret."""
    issuer.publish(
        rsa_key.published(), {"kty": "oct", "kid": "oct", "k": "c2VjcmV0" * 8, "alg": "HS256"}
    )
    authenticator = open_authenticator(issuer.settings())
    public = rsa_key.private.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    secrets = [
        public.public_bytes(serialization.Encoding.PEM, form),
        public.public_bytes(serialization.Encoding.DER, form),
        base64.urlsafe_b64decode("c2VjcmV0" * 8),
    ]
    for secret in secrets:
        for key_id in ("rsa", "oct"):
            parts = [{"alg": "HS256", "kid": key_id}, {"sub": "eve", "exp": 99999999999}]
            body = b".".join(
                base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts
            )
            mac = base64.urlsafe_b64encode(hmac.digest(secret, body, "sha256")).rstrip(b"=")
            asked = authenticator.authenticate(f"Bearer {(body + b'.' + mac).decode()}")
            assert await refusal(asked) is Reason.WRONG_ALGORITHM


async def test_a_key_verifies_only_what_it_is_published_for(
    open_authenticator: Open, issuer: Issuer, rsa_key: SigningKey
) -> None:
    """Not another algorithm, not when it is for encryption, private or too short to be safe."""
    settings = issuer.settings(
        auth_jwks_algorithms=("RS256", "RS512"), auth_jwks_cooldown_seconds=0
    )
    sibling = issuers.rsa_key(key_id="sibling")
    short = issuers.rsa_key(key_id="short", bits=1024)
    issuer.publish(
        sibling.published(),
        rsa_key.published(),
        issuers.SigningKey("enc", "RS256", rsa_key.private).published(use="enc"),
        issuers.SigningKey("ops", "RS256", rsa_key.private).published() | {"key_ops": ["sign"]},
        issuers.SigningKey("private", "RS256", rsa_key.private).published(d="AQAB"),
        short.published(),
    )
    authenticator = open_authenticator(settings)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        weak = short.sign()
    tokens = [
        issuers.SigningKey("rsa", "RS512", rsa_key.private).sign(),
        *(
            issuers.SigningKey(name, "RS256", rsa_key.private).sign()
            for name in ("enc", "ops", "private")
        ),
        issuers.SigningKey(None, "RS256", rsa_key.private).sign(),  # two keys would fit
        weak,
    ]
    for token in tokens:
        assert await refusal(authenticator.authenticate(f"Bearer {token}")) is Reason.UNKNOWN_KEY
    stolen = issuers.SigningKey("sibling", "RS256", rsa_key.private).sign()
    assert await refusal(authenticator.authenticate(f"Bearer {stolen}")) is Reason.BAD_SIGNATURE


async def test_a_token_without_a_key_id_is_verified_by_the_only_key(
    open_authenticator: Open, issuer: Issuer, ec_key: SigningKey
) -> None:
    """Issuers with one key may leave out the id on either side."""
    anonymous = issuers.SigningKey(None, "ES256", ec_key.private)
    for published in (anonymous.published(kid=...), ec_key.published()):
        issuer.publish(published)
        authenticator = open_authenticator(issuer.settings())
        assert await authenticator.authenticate(f"Bearer {anonymous.sign()}") == Person("ada")


async def test_a_key_sets_token_needs_our_issuer_and_audience(
    open_authenticator: Open, issuer: Issuer, ec_key: SigningKey
) -> None:
    """The same keys sign for other applications too."""
    issuer.publish(ec_key.published())
    authenticator = open_authenticator(issuer.settings())
    for claims, reason in (
        ({"aud": "other"}, Reason.WRONG_AUDIENCE),
        ({"aud": ...}, Reason.MISSING_CLAIM),
        ({"iss": "https://other.example.com/"}, Reason.WRONG_ISSUER),
        ({"iss": ...}, Reason.MISSING_CLAIM),
    ):
        assert (
            await refusal(authenticator.authenticate(f"Bearer {ec_key.sign(**claims)}")) is reason
        )
