"""How Stripe is reached: how long it may take."""

import asyncio
import time
from contextlib import suppress

import pytest

from billing.errors import PaymentsUnavailable
from gateway.stripe_transport import Stripe, asked

TIMEOUT_SECONDS = 0.3
DEADLINE_SECONDS = 30.0
_PROMISE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


async def test_an_answer_that_never_ends_is_given_up() -> None:
    """Although some of it comes all the time; the connection is closed."""
    left = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_PROMISE)
        gone = asyncio.create_task(reader.read())
        while not gone.done():
            writer.write(b" ")
            await asyncio.wait([gone], timeout=TIMEOUT_SECONDS / 10)
        with suppress(ConnectionError):
            gone.result()
        writer.close()
        left.set()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        account = Stripe(
            "sk_test_of_nobody", api_base=f"http://{host}:{port}", timeout_seconds=TIMEOUT_SECONDS
        )
        began = time.monotonic()
        with pytest.raises(PaymentsUnavailable) as refused:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await asked(account.v1.customers.retrieve_async("cus_1"))

        assert time.monotonic() - began >= TIMEOUT_SECONDS
        assert not refused.value.is_final
        await asyncio.wait_for(left.wait(), timeout=DEADLINE_SECONDS)
        await account.close()
