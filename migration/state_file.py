"""Which videos are done: a file of JSON lines that only grows, so that a killed run goes on where it was.

    {"started": {"project": ..., "bucket": ...}}             the first line: whose state this is
    {"user_id": ..., "video_id": ..., "clips": ..., ...}     one a video, written when all of it is in Firestore

A line that was torn by a kill is not counted: its video is done again, which is harmless.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from migration.discovery import VideoRef
from operations.locked_files import open_alone
from pipeline.domain.errors import ConfigurationError

Line = Mapping[str, Any]


class StateFile:
    """Open between `with`; held by one run at a time. Written by one thread."""

    def __init__(self, path: Path, origin: Mapping[str, str], *, anew: bool = False) -> None:
        self.path = path
        self._origin = dict(origin)
        self._anew = anew

    def __enter__(self) -> Self:
        """Raises ConfigurationError where another run holds the file, or it is of another project or bucket."""
        self._file = open_alone(self.path)
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, line: Line) -> None:
        """From now on the video is done, whatever happens to this process."""
        self._file.write(json.dumps(line, ensure_ascii=False).encode(errors="surrogatepass") + b"\n")
        self._file.flush()

    def done(self) -> set[VideoRef]:
        """The videos that need not be looked at again."""
        return {ref_of(line) for _, line in self._lines()}

    def finished(self) -> Iterator[Line]:
        """The newest line of each video, in the order of the file."""
        newest = {ref_of(line): offset for offset, line in self._lines()}
        for offset, line in self._lines():
            if newest[ref_of(line)] == offset:
                yield line

    def _begin(self) -> None:
        if self._anew:
            self._file.truncate(0)
        self._end_torn_line()
        started = next((found["started"] for _, found in self._all_lines() if "started" in found), None)
        if started is None:
            self.add({"started": self._origin})
        elif started != self._origin:
            raise ConfigurationError(
                f"{self.path} is the state of a migration of {_shown(started)}, not of {_shown(self._origin)}: "
                "name another file with --state."
            )

    def _end_torn_line(self) -> None:
        size = self._file.seek(0, 2)
        if size:
            self._file.seek(size - 1)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")
                self._file.flush()

    def _lines(self) -> Iterator[tuple[int, Line]]:
        return ((offset, line) for offset, line in self._all_lines() if "video_id" in line)

    def _all_lines(self) -> Iterator[tuple[int, Line]]:
        with self.path.open("rb") as file:
            offset = 0
            for text in file:
                try:
                    line = json.loads(text.decode(errors="surrogatepass"))
                except ValueError:  # torn
                    line = None
                if isinstance(line, dict):
                    yield offset, line
                offset += len(text)


def ref_of(line: Line) -> VideoRef:
    """The video that a line is about."""
    return VideoRef(line["user_id"], line["video_id"])


def _shown(origin: Mapping[str, str]) -> str:
    return ", ".join(f"{name} '{value}'" for name, value in origin.items())
