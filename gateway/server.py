"""Running the gateway: its port, its workers, and their orderly end.

It takes the port, makes the database ready and serves. SIGTERM and SIGINT end it from wherever
it is: requests in flight are answered, the pools close, then the embedded database stops.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, nullcontext
from functools import partial
from multiprocessing.connection import wait
from types import FrameType
from typing import Final

import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from gateway import app, observability, postgres
from gateway.settings import Settings

_BACKLOG: Final = 2_048
_STARTUP_FAILED: Final = 3  # what uvicorn ends with when the application does not start

log = structlog.get_logger(__name__)


class CannotServe(Exception):
    """The gateway cannot serve; the message is a line for the operator."""


Prepare = Callable[[Settings, str], AbstractAsyncContextManager[Settings]]
"""Takes settings whose database answers, and the address at which the gateway will; gives those
to serve with, for as long as it serves."""

Create = Callable[[Settings], Starlette]
"""Makes the application of a process; a function of a module, so that workers can be told."""

WORKER_SILENCE_SECONDS_MAX: Final = 60
"""How long a worker may not answer before it is replaced.

One that begins on a busy machine imports for longer than uvicorn's 5 seconds: it was replaced by
another one that took as long, and the gateway never answered.
"""


def run(
    settings: Settings, *, prepare: Prepare | None = None, create: Create = app.create_app
) -> None:
    """Serve until SIGTERM or SIGINT, inside of what `prepare` gives.

    Raises CannotServe, DatabaseUnusable or EmbeddedPostgresError.
    """
    observability.configure_logging(settings)
    if settings.auth_shared_secret is None and settings.auth_jwks_url is None:
        log.warning(
            "tokens_refused",
            reason="neither GATEWAY_AUTH_SHARED_SECRET nor GATEWAY_AUTH_JWKS_URL is set",
        )
    with (
        listen(settings) as listening,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(serve(settings, listening, prepare=prepare, create=create))


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens where the settings say. Raises CannotServe."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    address = (settings.host, settings.port)
    try:
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CannotServe(
            f"Cannot listen on port {settings.port} of {settings.host}: {error.strerror}. "
            "Choose others with --port and --host."
        ) from error


async def serve(
    settings: Settings,
    listening: socket.socket,
    *,
    prepare: Prepare | None = None,
    create: Create = app.create_app,
) -> None:
    """Serve on the socket until SIGTERM or SIGINT. Call it in the main thread."""
    stop = _Stop()
    with stop.heard():
        try:
            async with AsyncExitStack() as stack:
                served = await stack.enter_async_context(postgres.to_serve(settings))
                if prepare is not None:
                    preparing = prepare(served, address(settings, listening))
                    served = await stack.enter_async_context(preparing)
                if settings.workers == 1:
                    await _serve_here(served, listening, stop, create)
                else:
                    await _serve_in_workers(served, listening, create)
        except asyncio.CancelledError:
            if not stop.was_heard:
                raise
    log.info("stopped")


def address(settings: Settings, listening: socket.socket) -> str:
    """Return where the gateway answers: `http://host:port`."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listening.getsockname()[1]}"


class _Stop:
    """What SIGTERM and SIGINT do: end the server, or give up starting one."""

    def __init__(self) -> None:
        self.was_heard = False
        self.server: uvicorn.Server | None = None
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()

    @contextmanager
    def heard(self) -> Iterator[None]:
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._hear) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        is_first, self.was_heard = not self.was_heard, True
        if self.server is not None:
            self.server.handle_exit(number, frame)
        elif is_first and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: uvicorn would die of them before PostgreSQL ends."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve_here(
    settings: Settings, listening: socket.socket, stop: _Stop, create: Create
) -> None:
    server = _Server(_config(settings, partial(_application, settings, create)))
    stop.server = server
    log.info("serving", url=address(settings, listening), workers=1)
    await server.serve(sockets=[listening])


async def _serve_in_workers(settings: Settings, listening: socket.socket, create: Create) -> None:
    with _metrics_directory() if settings.metrics else nullcontext():
        supervisor = Multiprocess(
            _config(settings, partial(_worker, settings, create)), sockets=[listening]
        )
        log.info("serving", url=address(settings, listening), workers=settings.workers)
        # Beside the loop, which looks after the embedded PostgreSQL meanwhile.
        await asyncio.to_thread(supervisor.run)
    if any(process.exitcode == _STARTUP_FAILED for process in supervisor.processes):
        raise CannotServe("A worker could not start; the lines above say why.")


def _worker(settings: Settings, create: Create) -> Starlette:
    """Make the application of a worker, which ends when the process that started it does."""
    observability.configure_logging(settings)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True).start()
    return _application(settings, create)


def _application(settings: Settings, create: Create) -> Starlette:
    """Make the application, and spare the garbage collector what lives as long as the process."""
    made = create(settings)
    _before_the_end(made.state.end_streams)
    gc.collect()
    gc.freeze()
    return made


def _before_the_end(end: Callable[[], None]) -> None:
    """Call `end` in this loop when the process is told to stop, before who hears of it now.

    uvicorn waits for requests in flight, and tells the application nothing until they have ended.
    """
    loop = asyncio.get_running_loop()

    def chain(number: signal.Signals) -> None:
        hear = signal.getsignal(number)
        assert callable(hear)

        def hear_first(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(end)
            hear(number, frame)

        signal.signal(number, hear_first)

    for number in (signal.SIGTERM, signal.SIGINT):
        chain(number)


@contextmanager
def _metrics_directory() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="gateway-metrics-") as directory:
        os.environ[observability.METRICS_DIRECTORY_VARIABLE] = directory
        try:
            yield
        finally:
            del os.environ[observability.METRICS_DIRECTORY_VARIABLE]


def _config(settings: Settings, factory: Callable[[], Starlette]) -> uvicorn.Config:
    return uvicorn.Config(
        factory,
        factory=True,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
        timeout_worker_healthcheck=WORKER_SILENCE_SECONDS_MAX,
        ws_max_size=settings.limit_body_bytes,
    )
