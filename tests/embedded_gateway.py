"""A gateway, as far as its PostgreSQL can tell: a process of its own for the tests to kill.

It writes one line of JSON when the server is ready, or when it cannot be, and serves until it
is told to end.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from gateway import embedded_postgres
from gateway.postgres_errors import EmbeddedPostgresError
from gateway.postgres_launcher import BEST_WATCH, ParentWatch


async def main() -> None:
    """Serve PostgreSQL from a directory until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--watch", type=ParentWatch, default=BEST_WATCH)
    arguments = parser.parse_args()

    asked_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked_to_end.set)
    try:
        async with embedded_postgres.serve(arguments.directory, watch=arguments.watch) as server:
            programs = str(server.cluster.binaries.directory)
            _say(pid=server.pid, url=server.url, programs=programs)
            await asked_to_end.wait()
    except EmbeddedPostgresError as error:
        _say(error=type(error).__name__, message=str(error))


def _say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
