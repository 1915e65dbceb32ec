"""One sandbox for the tests of a session, emptied for each of them."""

from collections.abc import AsyncIterator

import pytest

from tests.sandbox import server
from tests.sandbox import shop as shops
from tests.sandbox.receiver import SECRET, Receiver, listening
from tests.sandbox.shop import Shop

# stripe-python hands its encoded form to httpx as `data`, which httpx would rather get as `content`
_HTTPX_WARNING = "ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"


def pytest_configure(config: pytest.Config) -> None:
    """Let the one warning pass that stripe-python causes with each request."""
    config.addinivalue_line("filterwarnings", _HTTPX_WARNING)


@pytest.fixture(scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    """Yield what receives the sandbox's webhooks."""
    async with listening() as receiver:
        yield receiver


@pytest.fixture(scope="session")
async def address(receiver: Receiver) -> AsyncIterator[str]:
    """Yield the address of the sandbox."""
    options = ("--webhook-url", receiver.address, "--webhook-secret", SECRET)
    async with server.unchecked(*options, "--seed", "tests", "--retry-seconds", "0,0,0") as address:
        yield address


@pytest.fixture
async def shop(address: str, receiver: Receiver) -> AsyncIterator[Shop]:
    """Yield a shop at an empty sandbox whose webhooks arrive."""
    async with shops.opened(address) as shop:
        await shop.control("idle")
        receiver.events.clear()
        receiver.refusals = 0
        yield shop
