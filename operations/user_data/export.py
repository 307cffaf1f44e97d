"""A folder with all that a user has. The same command goes on where it was broken off.

    DIR/index.html                          what there is, to look at
        manifest.json                       whose, when, how much, and what is left out
        account.json                        from Firebase Auth
        jobs/{collection}/{id}.json         one file a job
        documents/...                       all other documents, by their paths
        files/{key without the user's id}   files; uploads in files/uploads/
        checksums.sha256                    of all of these: `sha256sum --check --quiet checksums.sha256`

Each file is written beside its place and then moved there, so whatever stands there is whole. A file that is there
with the size and time of the stored one is not fetched again. It is no picture of one moment: what changes meanwhile is
there as it was, or as it is.
"""

import hashlib
import html
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

from operations.buckets import UPLOADS, Bucket
from operations.user_data.exported_json import document_json
from operations.user_data.file_names import file_name, path_of_document, path_of_key
from operations.user_data.inventory import JOBS, UserData
from pipeline.adapters.object_storage import StoredObject
from pipeline.domain.errors import ConfigurationError, NotFound

LEFT_OUT = (
    "The password, and where the user is signed in: Firebase Auth hands out neither.",
    "What was sent to Replicate (texts, pictures, its results): Replicate deletes it after an hour.",
    "What was sent to OpenAI, where the deployment uses it: OpenAI's terms say how long it keeps that.",
    "Log entries, which name jobs and files: Cloud Logging keeps them as long as the project has set.",
    "Sums over all users (usage/...), which hold nothing of a person.",
    "What was deleted or had expired before (docs/data.md of the project says what lives how long).",
)
MANIFEST = "manifest.json"
CHECKSUMS = "checksums.sha256"
MOST_GONE = 100
PART = "%part"
"""What a file is called while it is written. No id and no key comes to this name."""


def export(
    user: UserData,
    account: Mapping[str, Any] | None,
    folder: Path,
    project: str,
    now: Callable[[], datetime],
    progress: Callable[[str], None] = lambda _: None,
) -> Mapping[str, Any]:
    """Write all of it. Returns the manifest. Raises ConfigurationError where the folder is another export's."""
    facts: dict[str, Any] = {"user_id": user.user_id, "project": project}
    begun_at = _begin(folder, facts) or now().isoformat()
    facts |= {"begun_at": begun_at, "finished_at": None}
    _write(folder / MANIFEST, _json(facts))
    documents: Counter[str] = Counter()
    files, size_bytes, gone = 0, 0, list[str]()
    with _Index(folder, user.user_id) as index:
        if account is not None:
            index.add(PurePosixPath("account.json"), _write(folder / "account.json", _json(account)))
        for snapshot in _all_documents(user):
            path = snapshot.reference.path
            place = PurePosixPath("jobs" if path.split("/")[0] in JOBS else "documents") / path_of_document(path)
            index.add(place, _write(folder / place, document_json(path, snapshot.to_dict() or {})), is_shown=False)
            documents[_collection(path)] += 1
            progress(f"{documents.total():,} documents ...")
        for bucket, stored in user.files():
            wanted = PurePosixPath("files") / path_of_key(_without_user(stored.key, user.user_id))
            try:
                place, size = _fetch(bucket, stored, folder, wanted)
            except NotFound:
                gone.append(stored.key)
                continue
            index.add(place, size)
            files, size_bytes = files + 1, size_bytes + size
            progress(f"{documents.total():,} documents, {files:,} files of {size_bytes / 1e6:,.1f} MB ...")
        facts |= {"finished_at": now().isoformat(), "documents": dict(documents)}
        facts |= {"files": files, "size_bytes": size_bytes, "gone_meanwhile": gone[:MOST_GONE], "left_out": LEFT_OUT}
        facts["account"] = "account.json" if account is not None else None
        index.add(PurePosixPath(MANIFEST), _write(folder / MANIFEST, _json(facts)))
        index.end(facts)
    return facts


def _begin(folder: Path, facts: Mapping[str, Any]) -> str | None:
    """When this export was begun, if it was before."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        if any(folder.iterdir()):
            raise ConfigurationError(f"{folder} is not empty, and no export: name another folder with --to.") from None
        return None
    if {name: found.get(name) for name in facts} != facts:
        raise ConfigurationError(f"{folder} holds another user's export: name another folder with --to.")
    if found.get("finished_at"):
        raise ConfigurationError(f"{folder} holds an export that is whole: name another folder with --to.")
    for torn in folder.rglob(PART):
        torn.unlink()
    return str(found["begun_at"])


def _all_documents(user: UserData) -> Any:
    """Snapshots. A prediction may come twice: by its user, and by its job."""
    own = user.patience.call(lambda: user.document.get())
    if own.exists:
        yield own
    for source in user.sources():
        for page in user.pages(source):
            if source.name in JOBS:
                for predictions in user.predictions_of([job.reference.path for job in page]):
                    yield from (one for one in predictions if (one.to_dict() or {}).get("user_id") != user.user_id)
            yield from page


def _fetch(bucket: Bucket, stored: StoredObject, folder: Path, wanted: PurePosixPath) -> tuple[PurePosixPath, int]:
    """The file in its place; a store may have a file `a` beside `a/b`, a disk may not. Raises NotFound."""
    place = wanted
    try:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        is_taken = (folder / place).is_dir()
    except (FileExistsError, NotADirectoryError):
        is_taken = True
    if is_taken:
        place = PurePosixPath("files") / "%odd" / file_name(stored.key)
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
    target = folder / place
    seconds = stored.stored_at.timestamp() if stored.stored_at else None
    if target.is_file() and (target.stat().st_size, int(target.stat().st_mtime)) == (
        stored.size_bytes,
        seconds and int(seconds),
    ):
        return place, stored.size_bytes
    part = target.with_name(PART)
    size = bucket.storage.download_file(stored.key, part)
    if seconds is not None:
        os.utime(part, (seconds, seconds))
    part.replace(target)
    return place, size


def _without_user(key: str, user_id: str) -> str:
    if key.startswith(UPLOADS):
        return UPLOADS + key.removeprefix(f"{UPLOADS}{user_id}/")
    return key.removeprefix(f"{user_id}/")


def _collection(path: str) -> str:
    """`users/{uid}/videos/{id}/clips` for all clips: the ids in a path are left out."""
    parts = path.split("/")
    return "/".join(part if number % 2 == 0 else "*" for number, part in enumerate(parts[:-1]))


class _Index:
    """The checksums and the page: written as files are found, moved to their places at the end."""

    def __init__(self, folder: Path, user_id: str) -> None:
        self._folder = folder
        self._user_id = user_id

    def __enter__(self) -> Self:
        self._checksums: IO[bytes] = (self._folder / f"{CHECKSUMS}.part").open("wb")
        self._rows: IO[str] = (self._folder / "index.html.part").open("w", encoding="utf-8")
        title = html.escape(f"Data of user {self._user_id}")
        self._rows.write(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
            "<style>body{font:16px system-ui;margin:2em;max-width:60em}td{padding:.2em 1em .2em 0}</style>"
            f"<h1>{title}</h1><h2>Files</h2><table>\n"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._checksums.close()
        self._rows.close()

    def add(self, place: PurePosixPath, size_bytes: int, *, is_shown: bool = True) -> None:
        """A file that stands in its place."""
        with (self._folder / place).open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        self._checksums.write(f"{digest}  {place}\n".encode(errors="surrogatepass"))
        if is_shown:
            link, name = html.escape(quote(str(place))), html.escape(str(place))
            self._rows.write(f'<tr><td><a href="{link}">{name}</a><td>{size_bytes:,} bytes\n')

    def end(self, facts: Mapping[str, Any]) -> None:
        """Everything is there."""
        self._rows.write("</table><h2>Documents</h2><table>\n")
        for collection, count in facts["documents"].items():
            self._rows.write(f"<tr><td>{html.escape(collection)}<td>{count:,}\n")
        self._rows.write(
            "</table><p>As JSON: jobs in <a href=jobs/>jobs</a>, others in <a href=documents/>documents</a>."
        )
        self._rows.write("<h2>Left out</h2><ul>\n")
        for text in (*facts["left_out"], *(f"Deleted meanwhile: {key}" for key in facts["gone_meanwhile"])):
            self._rows.write(f"<li>{html.escape(text)}\n")
        self._rows.write("</ul></html>\n")
        self._rows.close()
        (self._folder / "index.html.part").replace(self._folder / "index.html")
        self.add(PurePosixPath("index.html"), 0, is_shown=False)
        self._checksums.close()
        (self._folder / f"{CHECKSUMS}.part").replace(self._folder / CHECKSUMS)


def _write(path: Path, content: bytes) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(PART)
    part.write_bytes(content)
    part.replace(path)
    return len(content)


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, indent=1).encode() + b"\n"
