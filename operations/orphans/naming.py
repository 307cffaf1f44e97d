"""Which documents name a file. Asked for hundreds of files at once; whatever names one keeps it.

    picture, thumbnail    its job; its scene, while it shows it; any job, scene, product that names it; a result that is
                          remembered
    clip, thumbnail       its clip's document; any clip, job or scene that names it
    final video, pictures its job; its video, while this is the one that it shows; any job that names it
    part, half upload     its job, until that has ended
    highlights, manifest  its video's document
    upload                a product; a job that names it
    all of these          any document of the user that has its address anywhere, whatever host and token that has
    all                   a job of the user that has not ended, and names it anywhere, or works on the video it is of

While files are the truth of a user's metadata (METADATA_MODE), clips and what is told of them need no document.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from operations.rate_limits import TokenBucket
from operations.stored_files import FileKind, FilePlace, keys_meant_by
from operations.waiting import Patience
from pipeline.adapters.object_storage import StoredObject
from pipeline.domain.jobs import JobKind, JobStatus
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.handlers.metadata_sources import effective_mode
from pipeline.handlers.tools import Library
from pipeline.repositories.documents import PAGE

AT_ONCE = 300
"""Documents asked for by their ids in one call."""

VALUES = 30
"""Values of one `in`: the most that Firestore takes."""

OWNED = (*(kind.collection for kind in JobKind), "scenes", "storyboards", "products")
"""Collections whose documents say whose they are, and name files."""

PICTURES = (FileKind.PICTURE, FileKind.PICTURE_THUMBNAIL)
CLIPS = (FileKind.CLIP, FileKind.CLIP_THUMBNAIL)
FINALS = (FileKind.FINAL, FileKind.FINAL_PICTURE)
UNFINISHED = (FileKind.PART, FileKind.HALF_UPLOAD)
METADATA = (*CLIPS, FileKind.CATALOGUE)

BY_KEY: Sequence[tuple[tuple[FileKind, ...], str, tuple[str, ...]]] = (
    (PICTURES, JobKind.IMAGE.collection, ("image_key", "thumbnail_key")),
    (CLIPS, JobKind.VIDEO.collection, ("video_key", "thumbnail_key")),
    (FINALS, JobKind.COMPOSITION.collection, ("video_key", "poster_key", "thumbnail_key")),
)
"""Fields that hold keys: a retry of a job, and a job that has the same result, name files of another job."""

BY_URL: Sequence[tuple[tuple[FileKind, ...], str, str]] = (
    ((FileKind.PICTURE,), "scenes", "image_url"),
    ((FileKind.PICTURE,), "products", "image_url"),
    ((FileKind.PICTURE, FileKind.UPLOAD), JobKind.VIDEO.collection, "image_url"),
    ((FileKind.CLIP,), "scenes", "video_url"),
    ((FileKind.UPLOAD,), JobKind.COMPOSITION.collection, "audio_url"),
    ((FileKind.UPLOAD,), JobKind.MULTI_VIDEO.collection, "audio_url"),
)

Files = Mapping[FilePlace, StoredObject]
Named = dict[FilePlace, str]
"""By what: the path of a document, or a reason in words."""


class Naming:
    """Asks Firestore. `reads` limits how many documents a second it is asked for."""

    def __init__(self, client: firestore.Client, library: Library, reads: TokenBucket, patience: Patience) -> None:
        self._client = client
        self._library = library
        self._reads = reads
        self._patience = patience
        self._known: set[str] = set()
        self.asked = 0
        """Documents and values so far: about the reads that Firestore bills."""

    def named(self, files: Files) -> Named:
        """Those of the files that must be kept, and why. Unknown files are not asked about."""
        left = {place: stored for place, stored in files.items() if place.kind is not FileKind.UNKNOWN}
        found: Named = {}
        for ask in (
            self._by_own_documents,
            self._by_what_shows_them,
            self._by_keys,
            self._by_urls,
            self._by_clip_fields,
            self._by_results,
            self._by_mode,
            self._by_running_jobs,
            self._by_texts,
        ):
            found |= ask(left)
            left = {place: stored for place, stored in left.items() if place not in found}
        return found

    def strangers(self, user_ids: Iterable[str]) -> set[str]:
        """Users of whom Firestore has nothing at all: theirs may be the files of another project.

        Whoever has had a job admitted has at least `users/{uid}/usage/active`, for good.
        """
        found = set()
        for user_id in dict.fromkeys(user_ids):
            if user_id not in self._known and not self._knows(user_id):
                found.add(user_id)
        self._known |= {user_id for user_id in user_ids if user_id not in found}
        return found

    def _knows(self, user_id: str) -> bool:
        self._take(1)
        document = self._client.document("users", user_id)
        if self._patience.call(lambda: document.get().exists or list(document.collections())):
            return True
        for name in OWNED:
            self._take(1)
            query = self._client.collection(name).where(filter=FieldFilter("user_id", "==", user_id)).select([])
            if self._patience.call(lambda query=query: list(query.limit(1).stream())):  # type: ignore[misc]
                return True
        return False

    def _by_own_documents(self, files: Files) -> Named:
        wanted = {place: list(_own_documents(place)) for place in files}
        fields = self._read((path for paths in wanted.values() for path in paths), ["status"])

        def names(place: FilePlace, path: str) -> bool:
            if path not in fields:
                return False
            return place.kind not in UNFINISHED or not _is_over(fields[path])

        return {place: path for place, paths in wanted.items() for path in paths if names(place, path)}

    def _by_what_shows_them(self, files: Files) -> Named:
        shown_by = {place: f"scenes/{place.scene_id}" for place in files if place.kind in PICTURES}
        shown_by |= {place: _video(place) for place in files if place.kind in FINALS}
        fields = self._read(shown_by.values(), ["image_url", "video_url"])
        return {
            place: path
            for place, path in shown_by.items()
            if any(place.is_named_by(url) for url in fields.get(path, {}).values())
        }

    def _by_keys(self, files: Files) -> Named:
        found: Named = {}
        for kinds, collection, names in BY_KEY:
            places = {place.key: place for place in files if place.kind in kinds}
            for name in names:
                found |= self._where_in(self._client.collection(collection), name, places)
        return found

    def _by_urls(self, files: Files) -> Named:
        found: Named = {}
        for kinds, collection, name in BY_URL:
            places = {stored.url: place for place, stored in files.items() if place.kind in kinds}
            found |= self._where_in(self._client.collection(collection), name, places)
        return found

    def _by_clip_fields(self, files: Files) -> Named:
        """A clip's document may be called otherwise than its file."""
        found: Named = {}
        for video, places in _grouped(files, CLIPS, _video).items():
            clips = self._client.collection(f"{video}/clips")
            for name in ("r2_key", "thumbnail_r2_key"):
                found |= self._where_in(clips, name, {place.key: place for place in places})
        return found

    def _by_texts(self, files: Files) -> Named:
        """All that the user's own documents say: an address may have had another host or token when it was written.

        Reads them all, and is asked last: for files that are orphans else.
        """
        found: Named = {}
        for user_id, places in _grouped(files, (*PICTURES, *CLIPS, *FINALS, FileKind.UPLOAD), _user).items():
            by_key = _by_key(places)
            owned = [self._client.collection(name) for name in OWNED]
            queries: list[Any] = [one.where(filter=FieldFilter("user_id", "==", user_id)) for one in owned]
            for query in (*queries, self._client.collection("users", user_id, "videos")):
                for page in self._pages(query):
                    self._take(len(page))
                    for document in page:
                        named = _named_in(document.to_dict() or {}, by_key)
                        found |= dict.fromkeys(named, document.reference.path)
        return found

    def _by_results(self, files: Files) -> Named:
        found: Named = {}
        for user_id, places in _grouped(files, PICTURES, _user).items():
            results = self._client.collection("users", user_id, "results")
            for number in range(2):  # the two jobs that a name may mean
                jobs: dict[Any, list[FilePlace]] = defaultdict(list)
                for place in places:
                    for job_id in place.job_ids[number : number + 1]:
                        jobs[job_id].append(place)
                for path, job_id in self._found_in(results, "job_id", jobs):
                    found |= dict.fromkeys(jobs[job_id], path)
        return found

    def _by_mode(self, files: Files) -> Named:
        found: Named = {}
        for user_id, places in _grouped(files, METADATA, _user).items():
            self._take(1)
            mode = self._patience.call(lambda user_id=user_id: effective_mode(user_id, self._library))  # type: ignore[misc]
            if mode is not MetadataMode.FIRESTORE_ONLY:
                found |= dict.fromkeys(places, f"files are the truth of this user: METADATA_MODE is {mode}")
        return found

    def _by_running_jobs(self, files: Files) -> Named:
        found: Named = {}
        for user_id, places in _grouped(files, tuple(FileKind), _user).items():
            by_key = _by_key(places)
            for path, fields in self._running(user_id):
                videos = {fields.get("storyboard_id"), fields.get("origin_job_id"), path.split("/")[-1]}
                of_its_video = [place for place in places if place.video_id in videos and place.kind in METADATA]
                found |= dict.fromkeys([*of_its_video, *_named_in(fields, by_key)], path)
        return found

    def _running(self, user_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for kind in JobKind:
            query = self._client.collection(kind.collection).where(filter=FieldFilter("user_id", "==", user_id))
            for status in (JobStatus.PENDING, JobStatus.PROCESSING):
                self._take(1)
                for page in self._pages(query.where(filter=FieldFilter("status", "==", status))):
                    for job in page:
                        yield job.reference.path, job.to_dict() or {}

    def _read(self, paths: Iterable[str], fields: list[str]) -> dict[str, Mapping[str, Any]]:
        """The documents that are there, by their paths."""
        found: dict[str, Mapping[str, Any]] = {}
        for some in _at_most(AT_ONCE, dict.fromkeys(paths)):
            self._take(len(some))
            references = [self._client.document(path) for path in some]
            for snapshot in self._patience.call(
                lambda references=references: list(self._client.get_all(references, field_paths=fields))  # type: ignore[misc]
            ):
                if snapshot.exists:
                    found[snapshot.reference.path] = snapshot.to_dict() or {}
        return found

    def _where_in(self, collection: Any, name: str, places: Mapping[str, FilePlace]) -> Named:
        return {places[value]: path for path, value in self._found_in(collection, name, places)}

    def _found_in(self, collection: Any, name: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
        """The paths of documents whose field is one of these values, and which."""
        for some in _at_most(VALUES, values):
            self._take(len(some))
            query = collection.where(filter=FieldFilter(name, "in", some)).select([name])
            for page in self._pages(query):
                for snapshot in page:
                    yield snapshot.reference.path, snapshot.get(name)

    def _pages(self, query: Any) -> Iterator[list[Any]]:
        """Page by page, each tried again by itself."""
        rest = query.order_by("__name__").limit(PAGE)
        while page := self._patience.call(lambda rest=rest: list(rest.stream())):  # type: ignore[misc]
            yield page
            if len(page) < PAGE:
                return
            rest = rest.start_after(page[-1])

    def _take(self, documents: int) -> None:
        self.asked += documents
        self._reads.take(documents)


def _own_documents(place: FilePlace) -> Iterator[str]:
    """What a file is called after."""
    if place.kind in PICTURES:
        yield from (f"{JobKind.IMAGE.collection}/{job_id}" for job_id in place.job_ids)
    elif place.kind in (*FINALS, *UNFINISHED):
        yield from (f"{JobKind.COMPOSITION.collection}/{job_id}" for job_id in place.job_ids)
    elif place.kind in CLIPS:
        yield f"{_video(place)}/clips/{place.clip_id}"
    elif place.kind is FileKind.CATALOGUE:
        yield _video(place)


def _video(place: FilePlace) -> str:
    return f"users/{place.user_id}/videos/{place.video_id}"


def _user(place: FilePlace) -> str:
    return place.user_id


def _grouped(
    files: Files, kinds: Sequence[FileKind], by: Callable[[FilePlace], str]
) -> Mapping[str, Sequence[FilePlace]]:
    groups: dict[str, list[FilePlace]] = defaultdict(list)
    for place in files:
        if place.kind in kinds:
            groups[by(place)].append(place)
    return groups


def _is_over(fields: Mapping[str, Any]) -> bool:
    return fields.get("status") in (JobStatus.COMPLETE, JobStatus.ERROR, JobStatus.CANCELED)


def _by_key(places: Iterable[FilePlace]) -> Mapping[str, Sequence[FilePlace]]:
    """The files that whoever names a key names."""
    found: dict[str, list[FilePlace]] = defaultdict(list)
    for place in places:
        for key in {place.key, *place.main_keys()}:
            found[key].append(place)
    return found


def _named_in(fields: Mapping[str, Any], by_key: Mapping[str, Sequence[FilePlace]]) -> Iterator[FilePlace]:
    for text in _texts(fields):
        for key in keys_meant_by(text):
            yield from by_key.get(key, ())


def _texts(value: Any) -> Iterator[str]:
    """Every string in a document, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _at_most(size: int, values: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(values)
    while some := list(islice(remaining, size)):
        yield some
