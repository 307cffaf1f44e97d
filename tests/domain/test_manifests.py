import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.manifests import manifest_bytes, read_manifest
from tests.domain.catalogue_samples import clip_document, video_document

CLIPS = [clip_document(1), clip_document(2, style="left_focus")]


def file_of(clips=(), video=None, version=1):
    return json.dumps({"version": version, "video": video or {}, "clips": clips}).encode()


def test_a_manifest_holds_the_documents_with_their_own_names():
    written = json.loads(manifest_bytes(video_document(CLIPS), CLIPS))
    assert list(written) == ["version", "video", "clips"]
    assert written["clips"][1] == {
        **CLIPS[1],
        "created_at": "2026-03-01T12:30:15.250000Z",
        "completed_at": "2026-03-01T12:30:15.250000Z",
    }
    assert written["video"]["highlights_summary"] == {"total_duration": 10.0, "categories": ["fun"]}
    assert written["video"]["updated_at"] == "2026-03-02T08:00:00Z"


def test_the_same_documents_are_the_same_bytes():
    shuffled = [dict(reversed(clip.items())) for clip in CLIPS]
    assert manifest_bytes(video_document(CLIPS), CLIPS) == manifest_bytes(video_document(CLIPS), shuffled)


def test_what_is_no_field_of_a_document_is_not_written():
    written = json.loads(manifest_bytes({"video_title": "Sea", "secret": object()}, []))
    assert written["video"] == {"video_title": "Sea"}


def test_what_was_written_is_read_back_but_for_whose_it_is_and_what_a_listing_tells():
    read = read_manifest(manifest_bytes(video_document(CLIPS), CLIPS))
    told = {"user_id", "video_id", "r2_key", "thumbnail_r2_key", "has_thumbnail", "file_size_bytes", "file_size_mb"}
    told |= {"video_url", "thumbnail_url"}
    assert read.remarks == ()
    assert read.clips == {
        clip["filename"]: {name: value for name, value in clip.items() if name not in told} for clip in CLIPS
    }
    computed = {"user_id", "video_id", "highlights_json_key", "clips_count", "clips_by_style", "total_size_bytes"}
    assert read.video == {name: value for name, value in video_document(CLIPS).items() if name not in computed}


@pytest.mark.parametrize(
    "fields",
    [
        {"scene_id": "1"},
        {"scene_id": True},
        {"scene_id": -1},
        {"scene_id": 1.5},
        {"priority": 10**400},
        {"scene_title": None},
        {"style": ""},
        {"style": "__x__"},
        {"start_time": "5"},
        {"duration_seconds": "5"},
        {"duration_seconds": float("nan")},
        {"created_at": "yesterday"},
        {"created_at": "2026-03-01T12:00:00"},
        {"created_at": "0001-01-01T00:00:00+23:00"},
        {"created_at": 5},
        {"status": "lost"},
        {"clip_id": "a/b"},
        {"filename": ["x"]},
        "clip",
        None,
    ],
)
def test_an_entry_of_a_wrong_type_is_left_out_with_a_remark(fields):
    good = {"clip_id": "b", "scene_id": 2}
    read = read_manifest(file_of([{"clip_id": "a", **fields} if isinstance(fields, dict) else fields, good]))
    assert read.clips == {"b.mp4": good}
    assert len(read.remarks) == 1
    assert read.remarks[0].startswith("clip 1 in manifest.json cannot be used")


def test_an_entry_without_a_name_is_remarked():
    assert read_manifest(file_of([{"scene_id": 1}])).remarks == (
        "clip 1 in manifest.json has neither filename nor clip_id",
    )


def test_of_two_entries_for_one_file_the_first_counts():
    read = read_manifest(file_of([{"clip_id": "a", "scene_id": 1}, {"filename": "a.mp4", "scene_id": 2}]))
    assert read.clips["a.mp4"]["scene_id"] == 1
    assert read.remarks == ("clip 2 in manifest.json tells of 'a.mp4' once more",)


def test_fields_nobody_knows_are_ignored():
    read = read_manifest(file_of([{"filename": "a.mp4", "user_id": "other", "r2_key": 5, "mood": []}], {"x": 1}))
    assert read.clips == {"a.mp4": {"filename": "a.mp4"}}
    assert read.remarks == ()


def test_a_broken_video_costs_its_clips_nothing():
    read = read_manifest(file_of([{"clip_id": "a"}], {"status": "lost", "video_title": "Sea"}))
    assert read.video == {}
    assert list(read.clips) == ["a.mp4"]
    assert len(read.remarks) == 1


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"5", b'{"version": 2}', b'{"version": 1, "clips": {}}', b"[" * 90_000, b"\xff"]
)
def test_a_manifest_that_cannot_be_read_is_a_remark(data):
    read = read_manifest(data)
    assert read.clips == {}
    assert len(read.remarks) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
entries = st.dictionaries(
    st.sampled_from([*clip_document(1), *video_document([])]), json_values | st.text(), max_size=8
) | st.fixed_dictionaries({"clip_id": st.text()})


@given(st.lists(entries | json_values), entries | json_values)
def test_whatever_a_manifest_holds_each_clip_is_read_or_remarked(clips, video):
    read = read_manifest(file_of(clips, video))
    assert len({*read.clips}) + len(read.remarks) <= len(clips) + 1
    assert all(isinstance(entry.get("style", ""), str) for entry in read.clips.values())
