"""Names and small files that others wrote: read as well as they can be, or refused with a name."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.adapters.replicate_api import _refusal
from pipeline.domain import object_keys as keys
from pipeline.domain.catalogue import StoredFile, catalogue_of
from pipeline.domain.clip_names import build_clip_filename, parse_clip_filename, read_clip_filename, style_slug
from pipeline.domain.errors import InvalidRequest, JobError
from pipeline.domain.highlights import merge_highlights, read_highlights
from pipeline.domain.json_files import read_json, write_json
from pipeline.domain.manifests import read_manifest
from pipeline.domain.pages import decode_page_token, encode_page_token
from tests.fuzz.broken_bytes import Change, broken, changes
from tests.fuzz.profile import fuzzing

ANY_TEXT = st.text(max_size=60) | st.text("clip_0123456789-/.mp4% \u0663\u202e\ud800", max_size=60)
FILENAME = "clip_01_02_a-title_left_focus.mp4"

MANIFEST = {
    "version": 1,
    "video": {"video_title": "x", "status": "completed", "highlights_summary": {}, "clips_by_style": {"x": 1}},
    "clips": [
        {"filename": FILENAME, "scene_id": 2, "priority": 1, "start_time": "00:00:01", "end_time": "00:00:02"},
        {"filename": FILENAME.replace("01", "02"), "duration_seconds": 1.5, "file_size_bytes": 7, "status": "failed"},
    ],
}
HIGHLIGHTS = {
    "video_title": "x",
    "highlights": [
        {"scene": 1, "title": "x", "description": "y", "start": "00:01", "end": "01:02:03", "priority": 1},
        {"scene_id": "2", "scene_title": "x", "start_time": 1.5, "end_time": 2, "summary": ["x"]},
    ],
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.just("00:00:01"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)


def replaced(value: Any, places: list[int], put: Any) -> Any:
    """A value with one of its parts replaced: the places say which."""
    if not places or not isinstance(value, dict | list) or not value:
        return put
    names = sorted(value) if isinstance(value, dict) else range(len(value))
    name = names[places[0] % len(names)]
    copy = value.copy()
    copy[name] = replaced(value[name], places[1:], put)
    return copy


def json_files(valid: Any) -> st.SearchStrategy[bytes]:
    """A file that is nearly right, another value, other bytes."""
    odd = st.builds(
        lambda *how: replaced(valid, *how), st.lists(st.integers(0, 9), min_size=1, max_size=4), json_values
    )
    written = (odd | json_values).map(lambda value: json.dumps(value).encode())
    damaged = st.builds(lambda todo: broken(json.dumps(valid).encode(), todo, near_head=False), changes)
    deep = st.integers(1, 200_000).map(lambda depth: b'[{"a":' * depth)
    return written | damaged | deep | st.binary(max_size=40) | st.integers(4000, 6000).map(lambda count: b"9" * count)


@pytest.mark.parametrize(
    ("read", "valid"),
    [(read_manifest, MANIFEST), (read_highlights, HIGHLIGHTS)],
    ids=["manifest", "highlights"],
)
def test_files_beside_the_clips(read: Callable[[bytes], Any], valid: Any):
    @fuzzing(200)
    @given(json_files(valid))
    def reads(content: bytes) -> None:
        files = [StoredFile(f"u/v/clips/{FILENAME}", 7, datetime(2026, 1, 1, tzinfo=UTC), "https://x.test/x")]
        found = read(content)
        assert all(isinstance(remark, str) and len(remark) < 1000 for remark in found.remarks)
        made = catalogue_of("u", "v", files, content, content)
        write_json([remark.text for remark in made.remarks])
        assert len(made.clips) == 1
        with suppress(InvalidRequest):
            read_json(merge_highlights(content, {}, made.clips), 10_000_000)
        with suppress(InvalidRequest):
            write_json(read_json(content, 10_000_000))

    reads()


@fuzzing(300)
@given(ANY_TEXT, ANY_TEXT, st.lists(ANY_TEXT, max_size=3))
def test_names_of_files(name: str, other: str, styles: list[str]):
    read = read_clip_filename(name, styles)
    assert (read.priority or 0) < 10**9
    assert len(read.style) <= max(len(name), 60)
    with suppress(InvalidRequest):
        assert read_clip_filename(name).remarks == () or parse_clip_filename(name)
    filename = build_clip_filename(1, 2, name, other)
    assert parse_clip_filename(filename).style == style_slug(other)
    for made in (
        lambda: keys.scene_image_key(name, other, "job", "png"),
        lambda: keys.scene_image_key("user", name, other, "png"),
        lambda: keys.clip_key("user", name, other),
        lambda: keys.clip_thumbnail_key("user", name, f"{other}.mp4"),
        lambda: keys.parts_prefix("user", name, other),
        lambda: keys.video_prefix(name, other),
        lambda: keys.final_video_key("user", name, other),
    ):
        with suppress(InvalidRequest):
            key = made()
            assert key.encode().decode() == key
            assert key.split("/")[0] in ("user", name)
            assert not {".", "..", ""} & set(key.removesuffix("/").split("/"))
            assert len(key.encode()) <= keys.MAX_KEY_BYTES


@fuzzing(200)
@given(st.lists(st.tuples(ANY_TEXT, st.integers(0, 2**63)), max_size=8))
def test_whatever_lies_in_a_folder(found: list[tuple[str, int]]):
    when = datetime(2026, 1, 1, tzinfo=UTC)
    files = [StoredFile(f"u/v/{name}", size, when, "https://x.test/x") for name, size in found]
    made = catalogue_of("u", "v", files, None, None)
    assert len(made.clips) <= len(files)
    assert {remark.key for remark in made.remarks} <= {file.key for file in files}


@fuzzing(200)
@given(ANY_TEXT | st.binary(max_size=60).map(bytes.hex), changes, st.integers() | ANY_TEXT)
def test_page_tokens(token: str, todo: list[Change], position: int | str):
    with suppress(InvalidRequest):
        decode_page_token(token, int)
    with suppress(InvalidRequest):
        decode_page_token(token, str)
    with suppress(InvalidRequest):
        honest = encode_page_token(7, "clip")
        decode_page_token(broken(honest.encode(), todo, near_head=False).decode("latin-1"), int)


@fuzzing(300)
@given(
    st.sampled_from([400, 401, 402, 403, 404, 409, 413, 422, 429, 429, 429, 500, 503, 599]),
    st.binary(max_size=30) | st.sampled_from([b"\xb2", b"1e9", b"9" * 4301, b"1.5", b"-1", b"nan", "\u0663".encode()]),
    json_values | st.fixed_dictionaries({"detail": json_values, "retry_after": json_values | st.just("\u00b2")}),
)
@example(429, b"\xb2", None)
@example(429, b"", {"retry_after": "\u00b2"})
@example(429, b"9" * 4301, None)
def test_refusals_of_the_provider(status: int, retry_after: bytes, body: Any):
    response = httpx.Response(status, headers=[(b"Retry-After", retry_after)], content=json.dumps(body).encode())
    error = _refusal(response)
    assert isinstance(error, JobError)
    assert len(str(error)) < 400
