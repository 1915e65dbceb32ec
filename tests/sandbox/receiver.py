"""A receiver of webhooks that keeps what arrives and answers as told."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import stripe
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SECRET = "whsec_of_the_tests"


@dataclass
class Receiver:
    """What has arrived; `refusals` is how many of the next deliveries are answered with 500."""

    address: str = ""
    events: list[stripe.Event] = field(default_factory=list)
    refusals: int = 0

    def types(self) -> list[str]:
        """Return the types of what arrived, in the order of arrival."""
        return [event.type for event in self.events]

    async def receive(self, request: Request) -> Response:
        """Verify and keep a delivery, or refuse it."""
        signature = request.headers["stripe-signature"]
        body = await request.body()
        event = stripe.Webhook.construct_event(body, signature, SECRET)
        if self.refusals > 0:
            self.refusals -= 1
            return Response(status_code=500)
        self.events.append(event)
        return Response(status_code=200)


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """Yield a receiver that listens on a free port."""
    receiver = Receiver()
    app = Starlette(routes=[Route("/hooks", receiver.receive, methods=["POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    receiver.address = f"http://127.0.0.1:{listener.getsockname()[1]}/hooks"
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server._serve(sockets=[listener]))
    yield receiver
    server.should_exit = True
    await serving
