"""`python -m sandbox`: serve the sandbox on a loopback port."""

import ipaddress
import logging
import socket
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from sandbox import app, webhooks


def serve(
    *,
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.")] = 12111,
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    webhook_url: Annotated[str, typer.Option(help="Where every event is delivered.")] = "",
    webhook_secret: Annotated[str, typer.Option(help="What signs them: whsec_...")] = "",
    retry_seconds: Annotated[
        str, typer.Option(help="The pauses between deliveries, with commas.")
    ] = ",".join(map(str, webhooks.RETRY_SECONDS)),
    seed: Annotated[str, typer.Option(help="Makes ids and faults repeatable.")] = "",
    data: Annotated[Path | None, typer.Option(help="Keeps the state between runs.")] = None,
    clock_file: Annotated[
        Path | None, typer.Option(help="Is told how many seconds the clock is ahead.")
    ] = None,
) -> None:
    """Serve Stripe's API, its pages and webhooks to this machine alone."""
    if not _is_loopback(host):
        raise typer.BadParameter("the sandbox binds to loopback only", param_hint="--host")
    listener = socket.create_server((host, port), family=_family(host))
    number = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    options = app.Options(
        base_url=f"http://{shown}:{number}",
        seed=seed,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        retry_seconds=tuple(float(part) for part in retry_seconds.split(",") if part),
        saved=data,
        offset_file=clock_file,
    )
    typer.echo(f"Stripe sandbox: {options.base_url}")
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    config = uvicorn.Config(app.create_app(options), log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether a line says more than that a connection was lost, on order."""
    return "without completing response" not in record.getMessage()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


if __name__ == "__main__":
    typer.run(serve)
