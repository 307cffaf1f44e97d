"""`highlights.json` of a video: which scenes it has, as the design that kept everything in R2 wrote it.

    {"video_url": ..., "video_title": ..., "custom_prompt": ...,
     "highlights": [{"id": 1, "title": ..., "description": ..., "start": "00:00:05", "end": "00:00:35",
                     "duration": 30, "priority": 1, "hook_category": ...}, ...]}

or the list alone. Others write it too: what is not as expected is remarked, and what is not ours is kept.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.domain.clips import ClipDocument, format_timecode
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.json_files import finite_number, read_json, readable_text, write_json

MAX_HIGHLIGHTS_BYTES = 8 * 1024 * 1024
MAX_TEXT_LETTERS = 10_000
MAX_SECONDS = 9999 * 3600  # as long as a timecode gets
VIDEO_FIELDS = ("video_url", "video_title", "custom_prompt")

_TIME = re.compile(r"(?:(?:([0-9]{1,4}):)?([0-9]{1,3}):)?([0-9]{1,8}(?:[.,][0-9]{1,9})?)")


@dataclass(frozen=True)
class Highlight:
    """One scene of a video. Times in seconds; None stands for what the file does not tell."""

    scene_id: int | None
    title: str | None
    description: str | None
    start_seconds: float | None
    end_seconds: float | None
    duration_seconds: float | None
    priority: int | None
    hook_category: str | None


@dataclass(frozen=True)
class Highlights:
    """All that the file tells; `remarks` say what could not be read."""

    entries: tuple[Highlight, ...] = ()
    video_url: str | None = None
    video_title: str | None = None
    custom_prompt: str | None = None
    remarks: tuple[str, ...] = ()

    def by_scene(self) -> Mapping[int, Highlight]:
        """Those that have an id; of two with the same id the first."""
        return {entry.scene_id: entry for entry in reversed(self.entries) if entry.scene_id is not None}

    def summary(self) -> Mapping[str, Any]:
        """As the documents of videos hold it: seconds in all, and each category once."""
        categories = dict.fromkeys(entry.hook_category for entry in self.entries if entry.hook_category)
        total = sum(entry.duration_seconds or 0 for entry in self.entries)
        return {"total_duration": round(total, 3), "categories": list(categories)}


def read_highlights(data: bytes) -> Highlights:
    """What the file tells, however little that is; raises nothing."""
    try:
        value = read_json(data, MAX_HIGHLIGHTS_BYTES)
        found = _entries(value)
    except InvalidRequest as error:
        return Highlights(remarks=(f"highlights.json {error}",))
    remarks: list[str] = []
    entries: list[Highlight] = []
    seen: set[int] = set()
    for number, entry in enumerate(found, 1):
        if not isinstance(entry, dict):
            remarks.append(f"entry {number} of highlights.json is no object")
            continue
        reader = _Reader(entry, f"entry {number} of highlights.json", remarks)
        entries.append(_highlight(reader))
        scene_id = entries[-1].scene_id
        if scene_id is None:
            remarks.append(f"entry {number} of highlights.json has no id")
        elif scene_id in seen:
            remarks.append(f"entry {number} of highlights.json has the id {scene_id} once more")
        else:
            seen.add(scene_id)
    about = _Reader(value if isinstance(value, dict) else {}, "highlights.json", remarks)
    texts = {name: about.text(name) for name in VIDEO_FIELDS}
    return Highlights(tuple(entries), **texts, remarks=tuple(remarks))


def merge_highlights(found: bytes | None, video: Mapping[str, Any], clips: Iterable[ClipDocument]) -> bytes:
    """The file with the scenes of these clips in it, by id, and what is known of the video.

    Entries and fields of others stay, and so do the order and everything that says the same already. A new scene goes
    to the end, before those of larger ids there: in whatever order clips are finished, the file ends the same. A file
    that cannot be read is returned as it is: there may be something in it.
    """
    try:
        value = read_json(found, MAX_HIGHLIGHTS_BYTES) if found and found.strip() else {"highlights": []}
        entries = list(_entries(value))
    except InvalidRequest:
        return found or b""
    places = _places(entries)
    scenes = _scenes(clips)
    for scene_id in scenes.keys() & places.keys():
        place = places[scene_id]
        entries[place] = {**entries[place], **_changes(entries[place], scenes[scene_id])}
    for scene_id in sorted(scenes.keys() - places.keys()):
        place = len(entries)
        while place and (_scene_id(entries[place - 1]) or 0) > scene_id:
            place -= 1
        entries.insert(place, {"id": scene_id, **scenes[scene_id]})
    merged: Any = entries
    if isinstance(value, dict):
        known = {name: video[name] for name in VIDEO_FIELDS if video.get(name) is not None}
        merged = {**value, **known, "highlights": entries}
    return found if found and merged == value else write_json(merged)


def _entries(value: Any) -> list[Any]:
    entries = value.get("highlights", []) if isinstance(value, dict) else value
    if not isinstance(entries, list):
        raise InvalidRequest("holds no list of highlights")
    return entries


def _highlight(entry: "_Reader") -> Highlight:
    start, end = entry.seconds("start"), entry.seconds("end")
    duration = entry.seconds("duration")
    if duration is None and start is not None and end is not None and end >= start:
        duration = round(end - start, 3)
    return Highlight(
        scene_id=entry.whole("id"),
        title=entry.text("title"),
        description=entry.text("description"),
        start_seconds=start,
        end_seconds=end,
        duration_seconds=duration,
        priority=entry.whole("priority"),
        hook_category=entry.text("hook_category"),
    )


def _places(entries: Iterable[Any]) -> dict[int, int]:
    """Where the first entry of each scene stands."""
    places: dict[int, int] = {}
    for place, entry in enumerate(entries):
        scene_id = _scene_id(entry)
        if scene_id is not None:
            places.setdefault(scene_id, place)
    return places


def _scene_id(entry: Any) -> int | None:
    return _Reader(entry, "", []).whole("id") if isinstance(entry, dict) else None


def _scenes(clips: Iterable[ClipDocument]) -> dict[int, dict[str, Any]]:
    """What clips say of their scenes; of several clips of one scene the first. 0 stands for no scene."""
    scenes: dict[int, dict[str, Any]] = {}
    for clip in clips:
        told: dict[str, Any] = {"title": clip["scene_title"], "description": clip["scene_description"]}
        if clip["end_time"] != "00:00:00":
            told |= {"start": clip["start_time"], "end": clip["end_time"]}
        told |= {"duration": clip["duration_seconds"], "priority": clip["priority"]}
        if clip["scene_id"]:
            scenes.setdefault(clip["scene_id"], {name: one for name, one in told.items() if one not in (None, "")})
    return scenes


def _changes(entry: Mapping[str, Any], scene: Mapping[str, Any]) -> dict[str, Any]:
    """What the scene says otherwise than the entry; a time with fractions is the same time."""
    reader = _Reader(entry, "", [])
    same = set()
    for name in ("start", "end"):
        seconds = reader.seconds(name)
        if seconds is not None and format_timecode(seconds) == scene.get(name):
            same.add(name)
    return {name: value for name, value in scene.items() if name not in same}


class _Reader:
    """Takes fields of an object that may hold anything; what is of another kind is remarked and None."""

    def __init__(self, fields: Mapping[str, Any], name: str, remarks: list[str]) -> None:
        self._fields = fields
        self._name = name
        self._remarks = remarks

    def text(self, field: str) -> str | None:
        value = self._fields.get(field)
        if isinstance(value, str):
            if len(value) > MAX_TEXT_LETTERS:
                self._remark(field, f"is cut after {MAX_TEXT_LETTERS} letters")
            return readable_text(value[:MAX_TEXT_LETTERS]) if value.strip() else None
        self._refuse(field, value, "is no text")
        return None

    def whole(self, field: str) -> int | None:
        value = self._fields.get(field)
        if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value.strip()):
            return int(value)
        number = finite_number(value)
        if number is None or number != int(number) or number < 0:
            self._refuse(field, value, "is no whole number from 0 up")
            return None
        return int(number)

    def seconds(self, field: str) -> float | None:
        value = self._fields.get(field)
        seconds = _clock_seconds(value) if isinstance(value, str) else finite_number(value)
        if seconds is None or not 0 <= seconds <= MAX_SECONDS:
            self._refuse(field, value, "is no time")
            return None
        return seconds

    def _refuse(self, field: str, value: Any, problem: str) -> None:
        """A remark, where there is anything."""
        if value is not None:
            self._remark(field, problem)

    def _remark(self, field: str, problem: str) -> None:
        self._remarks.append(f"'{field}' in {self._name} {problem}")


def _clock_seconds(text: str) -> float | None:
    """The seconds of HH:MM:SS, MM:SS or SS, each with fractions or without."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3].replace(",", "."))
