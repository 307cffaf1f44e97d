"""What a dry run has found: a file of JSON lines that only grows, and what is deleted by it.

    {"orphans_of": {"project": ..., "bucket": ...}, "grace_days": 7, ...}      the first line: where, by which rules
    {"key": ..., "kind": ..., "size_bytes": ..., "stored_at": ...}             one a file
    {"listed_until": key, "counts": {kind: {what: [files, bytes]}}}            after each page of the listing
    {"ended_at": ...}                                                          the last line, of a whole one

    {"key": ..., "outcome": "deleted"}                                         in FILE.deleted, one a file

A listing that was broken off goes on behind its last whole page; a deletion behind its last line.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from operations.locked_files import open_alone
from operations.stored_files import FileKind
from pipeline.domain.errors import ConfigurationError

Line = Mapping[str, Any]


@dataclass
class Tally:
    """Files and bytes by kind and by what became of them: `named`, `young`, `left`, `orphans`, of those `strangers`."""

    counts: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    def add(self, kind: str, what: str, size_bytes: int, files: int = 1) -> None:
        of_kind = self.counts.setdefault(kind, {})
        files_and_bytes = of_kind.setdefault(what, [0, 0])
        files_and_bytes[0] += files
        files_and_bytes[1] += size_bytes

    def add_all(self, counts: Mapping[str, Mapping[str, list[int]]]) -> None:
        for kind, by_what in counts.items():
            for what, (files, size_bytes) in by_what.items():
                self.add(kind, what, size_bytes, files)

    def of(self, what: str, kind: str | None = None) -> tuple[int, int]:
        """Files and bytes, of one kind or of all."""
        found = [by[what] for name, by in self.counts.items() if what in by and kind in (None, name)]
        return sum(files for files, _ in found), sum(size for _, size in found)


@dataclass(frozen=True)
class Orphan:
    """A file as the report names it."""

    key: str
    kind: FileKind
    size_bytes: int
    stored_at: datetime | None

    def as_json(self) -> Line:
        stored_at = self.stored_at and self.stored_at.isoformat()
        return {"key": self.key, "kind": self.kind, "size_bytes": self.size_bytes, "stored_at": stored_at}


class Report:
    """Open between `with`; held by one command at a time."""

    def __init__(self, path: Path, origin: Mapping[str, str]) -> None:
        self.path = path
        self.origin = dict(origin)
        self.facts: Line = {}
        self.listed_until = ""
        self.is_whole = False
        self.tally = Tally()

    def __enter__(self) -> Self:
        """Raises ConfigurationError where another command holds the file, or it is of another project or bucket."""
        self._file = open_alone(self.path)
        try:
            self._file.truncate(self._read())
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def begin(self, facts: Line) -> bool:
        """Go on where the listing was broken off, if that was by the same rules; else from the beginning.

        Returns whether it goes on. `facts` are the rules.
        """
        if self.facts == facts and self.listed_until and not self.is_whole:
            return True
        self._file.truncate(0)
        self.facts, self.listed_until, self.is_whole, self.tally = facts, "", False, Tally()
        self._add([{"orphans_of": self.origin, **facts}])
        return False

    def add_page(self, orphans: Iterable[Orphan], until: str, tally: Tally) -> None:
        """All of a page, up to the key `until`; from here on it is not listed again."""
        self._add([*(orphan.as_json() for orphan in orphans), {"listed_until": until, "counts": tally.counts}])
        self.tally.add_all(tally.counts)
        self.listed_until = until

    def end(self, facts: Line) -> None:
        self._add([facts])
        self.is_whole = True

    def orphans(self) -> Iterator[Orphan]:
        """What was found, in the order of keys."""
        return (orphan_of(line) for _, line in lines_of(self.path) if "kind" in line)

    def _read(self) -> int:
        """Where the last whole page ends: whatever lies behind it was broken off."""
        end = 0
        for offset, line in lines_of(self.path):
            if "orphans_of" in line:
                if line["orphans_of"] != self.origin:
                    raise ConfigurationError(
                        f"{self.path} is of {_shown(line['orphans_of'])}, not of {_shown(self.origin)}: "
                        "name another file with --report."
                    )
                self.facts = {name: value for name, value in line.items() if name != "orphans_of"}
                end = offset
            elif "listed_until" in line:
                self.tally.add_all(line["counts"])
                self.listed_until, end = line["listed_until"], offset
            elif "ended_at" in line:
                self.is_whole, end = True, offset
        return end

    def _add(self, lines: Iterable[Line]) -> None:
        self._file.write(b"".join(_encoded(line) for line in lines))
        self._file.flush()


class Deletions:
    """What became of each file that a report names, one line each in `FILE.deleted`."""

    def __init__(self, report: Path) -> None:
        self.path = report.with_name(report.name + ".deleted")

    def __enter__(self) -> Self:
        whole = [offset for offset, _ in lines_of(self.path)] if self.path.exists() else []
        self.done = len(whole)
        self._file = self.path.open("ab")
        self._file.truncate(whole[-1] if whole else 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, outcomes: Iterable[Line]) -> None:
        self._file.write(b"".join(_encoded(line) for line in outcomes))
        self._file.flush()

    def forget(self) -> None:
        """They are of an earlier report. Not between `with`."""
        self.path.unlink(missing_ok=True)


def lines_of(path: Path) -> Iterator[tuple[int, Line]]:
    """Each whole line, and where it ends; up to the first that is torn."""
    end = 0
    with path.open("rb") as file:
        for text in file:
            try:
                line = json.loads(text.decode(errors="surrogatepass"))
            except ValueError:
                return
            if not text.endswith(b"\n") or not isinstance(line, dict):
                return
            end += len(text)
            yield end, line


def orphan_of(line: Line) -> Orphan:
    """The file of a line."""
    stored_at = line["stored_at"] and datetime.fromisoformat(line["stored_at"])
    return Orphan(line["key"], FileKind(line["kind"]), line["size_bytes"], stored_at)


def _encoded(line: Line) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode(errors="surrogatepass") + b"\n"


def _shown(origin: Mapping[str, str]) -> str:
    return ", ".join(f"{name} '{value}'" for name, value in origin.items())
