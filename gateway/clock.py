"""The business's time: the machine's, or for development so many seconds ahead, as a file says."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path


class OffsetClock:
    """A clock that is ahead by the seconds in a file, read again whenever that is another file.

    Without a file, and as long as it does not exist, it is the machine's. Who writes it replaces
    it as a whole.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._read: tuple[int, int] | None = None
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the time of the business."""
        return datetime.now(UTC) + self._current_offset()

    def real(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)

    def _current_offset(self) -> timedelta:
        if self._file is None:
            return self._offset
        try:
            known = os.stat(self._file)  # noqa: PTH116 - at every look at the clock
        except FileNotFoundError:
            self._read, self._offset = None, timedelta()
            return self._offset
        version = (known.st_mtime_ns, known.st_ino)
        if version != self._read:
            self._offset = timedelta(seconds=float(self._file.read_text("utf-8").strip() or 0))
            self._read = version
        return self._offset
