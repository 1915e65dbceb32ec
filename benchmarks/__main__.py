"""Run the benchmarks, one after the other; each has options of its own: `-m benchmarks.reading`."""

import argparse
import sys

from benchmarks import notices, reading, recording

BENCHMARKS = {"reading": reading.main, "recording": recording.main, "notices": notices.main}


def main() -> None:
    """Run those that are named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names or [*BENCHMARKS]
    if unknown := set(names) - BENCHMARKS.keys():
        parser.error(f"there is no benchmark {unknown.pop()!r}")
    for name in names:
        sys.stdout.write(f"\n{name}\n")
        BENCHMARKS[name]([])


if __name__ == "__main__":
    main()
