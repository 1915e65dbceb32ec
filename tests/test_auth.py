"""Who asks: tokens of the shared secret, good and bad, and development tokens."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.access import Person, Service
from gateway import auth
from gateway.auth import Authenticator, InvalidToken, Reason
from gateway.settings import Settings

SECRET = "a shared secret of thirty-two bytes or more"
SKEW = 120

Open = Callable[..., Authenticator]


@pytest.fixture
async def open_authenticator() -> AsyncIterator[Open]:
    """Make authenticators that are closed after the test."""
    opened: list[Authenticator] = []

    def make(settings: Settings) -> Authenticator:
        opened.append(Authenticator(settings))
        return opened[-1]

    yield make
    for authenticator in opened:
        await authenticator.close()


def shared(**changes: Any) -> Settings:
    """Return settings with a shared secret."""
    known: dict[str, Any] = {"auth_shared_secret": SECRET, "auth_clock_skew_seconds": SKEW}
    return Settings(**(known | changes))


def signed(**claims: Any) -> str:
    """Return a header with a token of the shared secret; a claim that is `...` is left out."""
    known = {"sub": "ada", "exp": int(time.time()) + 600} | claims
    kept = {name: value for name, value in known.items() if value is not ...}
    return "Bearer " + jwt.encode(kept, SECRET, algorithm="HS256")


def raw(header: dict[str, Any], payload: bytes) -> str:
    """Return a token signed by the shared secret whose parts may be anything."""
    parts = [json.dumps(header).encode(), payload]
    body = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(SECRET.encode(), body, hashlib.sha256)
    return (body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


async def refusal(asked: Awaitable[object]) -> Reason:
    """Return why a token was refused."""
    with pytest.raises(InvalidToken) as caught:
        await asked
    return caught.value.reason


async def test_no_header_is_nobody(open_authenticator: Open) -> None:
    """Whether or not tokens can be verified."""
    assert await open_authenticator(shared()).authenticate(None) is None
    assert await open_authenticator(Settings()).authenticate(None) is None


async def test_a_persons_token_names_the_person(open_authenticator: Open) -> None:
    """The subject is taken as it is; a person has no scopes, whatever the token says."""
    authenticator = open_authenticator(shared())
    assert await authenticator.authenticate(signed(sub="auth0|Ada É")) == Person("auth0|Ada É")
    assert await authenticator.authenticate(signed(scope="credits:write")) == Person("ada")


async def test_a_services_token_names_the_service_and_its_known_scopes(
    open_authenticator: Open,
) -> None:
    """A scope that the gateway does not know gives nothing."""
    header = signed(sub="meter", actor="service", scope="usage:write  billing:read admin")
    viewer = await open_authenticator(shared()).authenticate(header)
    assert viewer == Service("meter", frozenset({"usage:write", "billing:read"}))


async def test_a_service_without_scopes_may_nothing(open_authenticator: Open) -> None:
    """No scope is no scope, never all of them."""
    viewer = await open_authenticator(shared()).authenticate(signed(actor="service"))
    assert viewer == Service("ada", frozenset())


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
async def test_the_scheme_is_read_in_any_case(open_authenticator: Open, scheme: str) -> None:
    """RFC 9110 says so."""
    header = f"{scheme} {signed().removeprefix('Bearer ')}"
    assert await open_authenticator(shared()).authenticate(header) == Person("ada")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", Reason.UNSUPPORTED_SCHEME),
        (" ", Reason.UNSUPPORTED_SCHEME),
        ("Basic YWRhOnNlY3JldA==", Reason.UNSUPPORTED_SCHEME),
        ("{token}", Reason.UNSUPPORTED_SCHEME),
        ("Bearer", Reason.MALFORMED),
        ("Bearer ", Reason.MALFORMED),
        ("Bearer null", Reason.MALFORMED),
        ("Bearer a.b", Reason.MALFORMED),
        ("Bearer a.b.c.d", Reason.MALFORMED),
        ("Bearer ..", Reason.MALFORMED),
        ("Bearer {token} {token}", Reason.MALFORMED),
        ("Bearer {token},{token}", Reason.MALFORMED),
        ("Bearer {token}, Bearer {token}", Reason.MALFORMED),
        ("Bearer {token}\0", Reason.MALFORMED),
        ("Bearer {token}\n", Reason.MALFORMED),
        ("Bearer {token}é", Reason.MALFORMED),
        ("Bearer {token}\udcff", Reason.MALFORMED),
    ],
)
async def test_a_bad_header_is_refused_with_its_reason(
    open_authenticator: Open, header: str, reason: Reason
) -> None:
    """And the message does not repeat it."""
    token = signed().removeprefix("Bearer ")
    with pytest.raises(InvalidToken) as caught:
        await open_authenticator(shared()).authenticate(header.replace("{token}", token))
    assert caught.value.reason is reason
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"sub": ...}, Reason.MISSING_CLAIM),
        ({"sub": None}, Reason.MISSING_CLAIM),
        ({"sub": ""}, Reason.WRONG_SUBJECT),
        ({"sub": " "}, Reason.WRONG_SUBJECT),
        ({"sub": "ada\n"}, Reason.WRONG_SUBJECT),
        ({"sub": "a\0da"}, Reason.WRONG_SUBJECT),
        ({"sub": "\ud800"}, Reason.WRONG_SUBJECT),
        ({"sub": "a" * 256}, Reason.WRONG_SUBJECT),
        ({"sub": 7}, Reason.WRONG_SUBJECT),
        ({"sub": ["ada"]}, Reason.WRONG_SUBJECT),
        ({"exp": ...}, Reason.MISSING_CLAIM),
        ({"exp": None}, Reason.MISSING_CLAIM),
        ({"exp": "soon"}, Reason.MALFORMED),
        ({"exp": float("nan")}, Reason.MALFORMED),
        ({"exp": float("inf")}, Reason.MALFORMED),
        ({"nbf": []}, Reason.MALFORMED),
        ({"iat": {}}, Reason.MALFORMED),
        ({"actor": "root"}, Reason.UNKNOWN_ACTOR),
        ({"actor": None}, Reason.UNKNOWN_ACTOR),
        ({"actor": ["service"]}, Reason.UNKNOWN_ACTOR),
        ({"actor": "service", "scope": ["usage:write"]}, Reason.UNKNOWN_ACTOR),
        ({"aud": "elsewhere"}, Reason.WRONG_AUDIENCE),
    ],
)
async def test_a_bad_claim_is_refused_with_its_reason(
    open_authenticator: Open, claims: dict[str, Any], reason: Reason
) -> None:
    """Also in a token that is signed as it should be."""
    asked = open_authenticator(shared()).authenticate(signed(**claims))
    assert await refusal(asked) is reason


@pytest.mark.parametrize(
    ("header", "payload", "reason"),
    [
        ({"alg": "HS256", "kid": 7}, b"{}", Reason.MALFORMED),
        ({"alg": "HS256", "crit": ["exp"]}, b"{}", Reason.MALFORMED),
        ({"typ": "JWT"}, b"{}", Reason.WRONG_ALGORITHM),
        ({"alg": "HS512"}, b"{}", Reason.WRONG_ALGORITHM),
        ({"alg": ["HS256"]}, b"{}", Reason.WRONG_ALGORITHM),
        ({"alg": "HS256"}, b"[]", Reason.MALFORMED),
        ({"alg": "HS256"}, b"\xff", Reason.MALFORMED),
        ({"alg": "HS256"}, b"[" * 3_000, Reason.MALFORMED),
        ({"alg": "HS256"}, b'{"exp":' + b"9" * 5_000 + b"}", Reason.MALFORMED),
    ],
    ids=str,
)
async def test_a_malformed_token_is_refused_with_its_reason(
    open_authenticator: Open, header: dict[str, Any], payload: bytes, reason: Reason
) -> None:
    """Whatever is in its parts."""
    asked = open_authenticator(shared()).authenticate(f"Bearer {raw(header, payload)}")
    assert await refusal(asked) is reason


async def test_a_long_header_is_refused_unread(open_authenticator: Open) -> None:
    """Good or bad; the limit is a setting."""
    settings = shared(auth_token_limit_bytes=1_000)
    good = signed(padding="x" * 1_000)
    for header in ("Bearer " + "a" * 100_000, "x" * 1_001, good):
        asked = open_authenticator(settings).authenticate(header)
        assert await refusal(asked) is Reason.TOO_LONG
    assert await open_authenticator(shared()).authenticate(good) == Person("ada")


async def test_an_unsigned_token_is_refused(open_authenticator: Open) -> None:
    """Alg none, in every spelling, with and without a signature."""
    authenticator = open_authenticator(shared())
    unsigned = jwt.encode({"sub": "ada", "exp": int(time.time()) + 60}, "", algorithm="none")
    assert await refusal(authenticator.authenticate(f"Bearer {unsigned}")) is Reason.WRONG_ALGORITHM
    for spelling in ("None", "NONE", "nOnE", "", None):
        header = "Bearer " + raw({"alg": spelling}, b'{"sub":"ada","exp":99999999999}')
        assert await refusal(authenticator.authenticate(header)) is Reason.WRONG_ALGORITHM


async def test_a_token_of_another_secret_is_refused(open_authenticator: Open) -> None:
    """Even when everything it claims is right, and also right after a good one."""
    authenticator = open_authenticator(shared())
    forged = jwt.encode({"sub": "ada", "exp": int(time.time()) + 60}, SECRET[::-1])
    await authenticator.authenticate(signed())
    assert await refusal(authenticator.authenticate(f"Bearer {forged}")) is Reason.BAD_SIGNATURE


async def test_a_changed_claim_breaks_the_signature(open_authenticator: Open) -> None:
    """The signature of a good token does not cover another payload."""
    head, _, signature = signed().split(".")
    payload = base64.urlsafe_b64encode(b'{"sub":"eve","exp":99999999999}').rstrip(b"=").decode()
    asked = open_authenticator(shared()).authenticate(f"{head}.{payload}.{signature}")
    assert await refusal(asked) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("claim", "seconds", "reason"),
    [
        ("exp", -SKEW + 60, None),
        ("exp", -SKEW - 1, Reason.EXPIRED),
        ("nbf", SKEW, None),
        ("nbf", SKEW + 60, Reason.NOT_YET_VALID),
        ("iat", SKEW, None),
        ("iat", SKEW + 60, Reason.NOT_YET_VALID),
    ],
)
async def test_a_clock_may_differ_by_the_skew_and_no_more(
    open_authenticator: Open, claim: str, seconds: int, reason: Reason | None
) -> None:
    """In the three claims that speak of time; margins are a minute where the test takes time."""
    asked = open_authenticator(shared()).authenticate(signed(**{claim: int(time.time()) + seconds}))
    if reason is None:
        assert await asked == Person("ada")
    else:
        assert await refusal(asked) is reason


async def test_issuer_and_audience_count_when_they_are_set(open_authenticator: Open) -> None:
    """A list of audiences is right when ours is among them."""
    authenticator = open_authenticator(shared(auth_issuer="us", auth_audience="billing"))
    for claims, reason in (
        ({"aud": "billing"}, Reason.MISSING_CLAIM),
        ({"iss": "us"}, Reason.MISSING_CLAIM),
        ({"iss": "us", "aud": []}, Reason.MISSING_CLAIM),
        ({"iss": "them", "aud": "billing"}, Reason.WRONG_ISSUER),
        ({"iss": "us/", "aud": "billing"}, Reason.WRONG_ISSUER),
        ({"iss": ["us"], "aud": "billing"}, Reason.WRONG_ISSUER),
        ({"iss": "us", "aud": "shop"}, Reason.WRONG_AUDIENCE),
        ({"iss": "us", "aud": {"billing": 1}}, Reason.WRONG_AUDIENCE),
    ):
        token = raw({"alg": "HS256"}, json.dumps({"sub": "a", "exp": 1e11} | claims).encode())
        assert await refusal(authenticator.authenticate(f"Bearer {token}")) is reason, claims
    assert await authenticator.authenticate(signed(iss="us", aud="billing")) == Person("ada")
    assert await authenticator.authenticate(signed(iss="us", aud=["x", "billing"])) == Person("ada")


async def test_a_gateway_without_keys_refuses_every_token(open_authenticator: Open) -> None:
    """It never takes a token unverified."""
    asked = open_authenticator(Settings()).authenticate(signed())
    assert await refusal(asked) is Reason.NOT_CONFIGURED


async def test_a_remembered_token_still_expires(
    open_authenticator: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is remembered until its expiry, not longer, and then refused for that."""
    authenticator = open_authenticator(shared(auth_clock_skew_seconds=0))
    header = signed(exp=int(time.time()) + 600)
    assert await authenticator.authenticate(header) == Person("ada")
    assert len(authenticator._verified) == 1

    later = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(jwt.api_jwt, "datetime", _later(seconds=601))
    assert await refusal(authenticator.authenticate(header)) is Reason.EXPIRED
    assert authenticator._verified == {}


async def test_the_remembered_tokens_are_bounded(open_authenticator: Open) -> None:
    """The token that was not used for longest is forgotten first."""
    authenticator = open_authenticator(shared(auth_token_cache_entries=2))
    first, second, third = (signed(sub=name) for name in ("first", "second", "third"))
    for header in (first, second, first, third):
        await authenticator.authenticate(header)
    remembered = [known.viewer for known in authenticator._verified.values()]
    assert remembered == [Person("first"), Person("third")]


async def test_a_refused_token_is_not_remembered(open_authenticator: Open) -> None:
    """A flood of bad tokens takes no memory."""
    authenticator = open_authenticator(shared())
    await refusal(authenticator.authenticate(signed(sub="")))
    assert authenticator._verified == {}


@given(st.text() | st.text().map(lambda text: f"Bearer {text}") | st.binary().map(repr))
def test_any_text_is_refused_and_nothing_else_happens(header: str) -> None:
    """No header, however strange, raises anything but InvalidToken."""
    with pytest.raises(InvalidToken):
        asyncio.run(Authenticator(shared()).authenticate(header))


@given(
    st.dictionaries(
        st.sampled_from(["sub", "exp", "nbf", "iat", "iss", "aud", "jti", "actor", "scope"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_signed_claims_give_a_viewer_or_a_refusal(claims: dict[str, Any]) -> None:
    """Claims of any type and value never break the gateway, even signed."""
    token = raw({"alg": "HS256"}, json.dumps(claims).encode())
    try:
        viewer = asyncio.run(Authenticator(shared()).authenticate(f"Bearer {token}"))
    except InvalidToken:
        return
    assert isinstance(viewer, Person | Service)


async def test_a_development_token_is_accepted(open_authenticator: Open) -> None:
    """A person's and a service's, with issuer and audience where they are set."""
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    for settings in (shared(), shared(auth_issuer="us", auth_audience="billing")):
        for viewer in (Person("ada"), Service("meter", frozenset({"usage:write"}))):
            token = auth.issue_development_token(settings, viewer=viewer, lifetime=hour, now=now)
            assert await open_authenticator(settings).authenticate(f"Bearer {token}") == viewer
            assert jwt.decode(token, options={"verify_signature": False})["exp"] == int(
                (now + hour).timestamp()
            )


def test_without_the_shared_secret_there_are_no_development_tokens() -> None:
    """It says which variable is missing."""
    with pytest.raises(auth.SharedSecretMissing, match="GATEWAY_AUTH_SHARED_SECRET"):
        auth.issue_development_token(
            Settings(), viewer=Person("ada"), lifetime=timedelta(1), now=datetime.now(UTC)
        )


def test_a_development_token_for_no_name_is_refused() -> None:
    """What the gateway would refuse, it does not issue."""
    with pytest.raises(InvalidToken) as caught:
        auth.issue_development_token(
            shared(), viewer=Person(""), lifetime=timedelta(1), now=datetime.now(UTC)
        )
    assert caught.value.reason is Reason.WRONG_SUBJECT


def _later(*, seconds: int) -> type[datetime]:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=seconds)

    return Later
