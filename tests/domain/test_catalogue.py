import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.catalogue import catalogue_of
from pipeline.domain.clips import check_document_id, check_style, parse_timecode
from pipeline.domain.highlights import merge_highlights
from pipeline.domain.imports import checked_video
from pipeline.domain.manifests import manifest_bytes
from tests.domain.catalogue_samples import (
    CREATED,
    STORED,
    USER,
    VIDEO,
    clip_document,
    files_of,
    stored,
    stored_file,
    url_of,
    video_document,
)

CLIPS = [clip_document(1, priority=1), clip_document(2, style="left_focus", priority=2)]
HIGHLIGHTS = json.dumps(
    {
        "video_title": "The film",
        "video_url": "https://example.com/v",
        "custom_prompt": "only storms",
        "highlights": [
            {"id": 2, "title": "Storm", "description": "Waves.", "start": "01:05", "end": "01:35.5", "priority": 7},
            {"id": 5, "title": "Calm", "duration": 3, "hook_category": "fun"},
        ],
    }
).encode()


def catalogue(files, highlights=None, manifest=None):
    return catalogue_of(USER, VIDEO, files, highlights, manifest)


def texts(found):
    return {remark.key.removeprefix(f"{USER}/{VIDEO}/"): remark.text for remark in found.remarks}


def test_the_documents_that_were_dual_written_are_read_back():
    video = video_document(CLIPS)
    found = catalogue(files_of(CLIPS), merge_highlights(None, video, CLIPS), manifest_bytes(video, CLIPS))
    assert list(found.clips) == CLIPS
    assert found.video == video
    assert found.remarks == ()


def test_a_name_alone_makes_a_clip():
    found = catalogue([stored("clips/clip_03_02_the-sea_left_focus.mp4", 3_000_000)])
    assert found.clips == (
        {
            **clip_document(2),
            "clip_id": "clip_03_02_the-sea_left_focus",
            "filename": "clip_03_02_the-sea_left_focus.mp4",
            "scene_title": "The sea",
            "scene_description": None,
            "style": "left_focus",
            "priority": 3,
            "start_time": "00:00:00",
            "end_time": "00:00:00",
            "duration_seconds": 0.0,
            "has_thumbnail": False,
            "r2_key": f"{USER}/{VIDEO}/clips/clip_03_02_the-sea_left_focus.mp4",
            "thumbnail_r2_key": None,
            "video_url": url_of(f"{USER}/{VIDEO}/clips/clip_03_02_the-sea_left_focus.mp4"),
            "thumbnail_url": None,
            "created_at": STORED,
            "completed_at": STORED,
            "created_by": None,
        },
    )
    assert found.remarks == ()


def test_the_highlight_of_its_scene_tells_more_than_the_name():
    clip = catalogue([stored("clips/clip_03_02_the-sea_split.mp4")], HIGHLIGHTS).clips[0]
    assert (clip["scene_title"], clip["scene_description"], clip["priority"]) == ("Storm", "Waves.", 7)
    assert (clip["start_time"], clip["end_time"], clip["duration_seconds"]) == ("00:01:05", "00:01:35", 30.5)


def test_the_manifest_tells_more_than_the_highlight():
    entry = {"filename": "odd name.mp4", "scene_id": 2, "scene_title": "Tempest", "style": "split"}
    manifest = json.dumps({"version": 1, "video": {}, "clips": [entry]}).encode()
    found = catalogue([stored("clips/odd name.mp4")], HIGHLIGHTS, manifest)
    clip = found.clips[0]
    assert (clip["scene_title"], clip["style"], clip["priority"]) == ("Tempest", "split", 7)
    assert clip["scene_description"] == "Waves."
    assert found.remarks == ()


def test_the_video_is_described_by_the_highlights_and_counted_from_the_listing():
    files = [
        stored("clips/clip_01_01_a_split.mp4", 5),
        stored("clips/clip_02_02_b_split.mp4", 6, STORED - timedelta(days=1)),
        stored("clips/clip_03_03_c_original.mp4", 7, STORED + timedelta(days=1)),
        stored("highlights.json"),
    ]
    video = catalogue(files, HIGHLIGHTS).video
    assert video == {
        **video_document([]),
        "video_url": "https://example.com/v",
        "video_title": "The film",
        "custom_prompt": "only storms",
        "youtube_id": None,
        "crop_mode": None,
        "target_aspect": None,
        "created_by": None,
        "styles_processed": ["split", "original"],
        "clips_by_style": {"split": 2, "original": 1},
        "clips_count": 3,
        "total_size_bytes": 18,
        "highlights_count": 2,
        "highlights_summary": {"total_duration": 33.5, "categories": ["fun"]},
        "created_at": STORED - timedelta(days=1),
        "updated_at": STORED + timedelta(days=1),
        "completed_at": STORED + timedelta(days=1),
    }


def test_a_video_that_is_in_work_by_its_manifest_is_not_completed():
    working = {**video_document(CLIPS), "status": "processing", "completed_at": None}
    video = catalogue(files_of(CLIPS), None, manifest_bytes(working, CLIPS)).video
    assert (video["status"], video["completed_at"]) == ("processing", None)


@pytest.mark.parametrize("status", ["processing", "completed", "failed"])
@pytest.mark.parametrize("times", [{}, {"completed_at": CREATED, "failed_at": CREATED}])
def test_the_times_of_a_video_are_those_of_its_status(status, times):
    known = {**video_document(CLIPS), "completed_at": None, "failed_at": None, **times, "status": status}
    found = catalogue(files_of(CLIPS), None, manifest_bytes(known, CLIPS)).video
    assert (found["completed_at"] is not None, found["failed_at"] is not None) == (
        status == "completed",
        status == "failed",
    )
    assert checked_video(USER, found)["status"] == status


def test_sizes_keys_thumbnails_and_owners_are_never_taken_from_a_manifest():
    forged = {**CLIPS[0], "user_id": "other", "r2_key": "other/x", "file_size_bytes": 1, "thumbnail_r2_key": "other/y"}
    video = {**video_document(CLIPS), "user_id": "other", "video_id": "x", "highlights_json_key": "other/z"}
    files = [stored_file(CLIPS[0]["r2_key"], 77)]
    found = catalogue(files, None, manifest_bytes({**video, "clips_count": 9}, [forged]))
    clip = found.clips[0]
    assert (clip["user_id"], clip["r2_key"], clip["file_size_bytes"]) == (USER, CLIPS[0]["r2_key"], 77)
    assert (clip["has_thumbnail"], clip["thumbnail_r2_key"]) == (False, None)
    assert (found.video["user_id"], found.video["video_id"], found.video["clips_count"]) == (USER, VIDEO, 1)
    assert found.video["highlights_json_key"] == f"{USER}/{VIDEO}/highlights.json"


def test_a_clip_without_a_file_is_no_clip_and_remarked_where_it_was_announced():
    working = {**CLIPS[1], "status": "processing"}
    lost = clip_document(3)
    found = catalogue(files_of(CLIPS[:1]), None, manifest_bytes(video_document(CLIPS), [CLIPS[0], working, lost]))
    assert [clip["clip_id"] for clip in found.clips] == [CLIPS[0]["clip_id"]]
    assert texts(found) == {"manifest.json": f"there is no file of the clip '{lost['filename']}'"}


def test_what_is_no_clip_is_remarked():
    files = [
        stored("clips/clip_01_01_a_split.mp4"),
        stored("clips/clip_01_01_a_split.jpg"),
        stored("clips/clip_01_01_a_split.webp"),
        stored("clips/stray.jpg"),
        stored("clips/notes.txt"),
        stored("clips/a.MP4"),
        stored("clips/deeper/clip_01_01_a_split.mp4"),
        stored("clips/..mp4"),
        stored("clips/.mp4"),
        stored("clips/__x__.mp4"),
        stored("clips/\x07.mp4"),
        stored("final/job.mp4"),
        stored("manifest.json"),
    ]
    found = catalogue(files)
    assert [clip["clip_id"] for clip in found.clips] == ["clip_01_01_a_split"]
    assert found.clips[0]["has_thumbnail"] is True
    assert set(texts(found)) == {file.key.removeprefix(f"{USER}/{VIDEO}/") for file in files[3:11]}


def test_a_thumbnail_may_be_webp_and_jpeg_comes_first():
    clips = [stored(f"clips/clip_0{number}_01_a_split.mp4") for number in (1, 2)]
    found = catalogue([*clips, *(stored(f"clips/clip_0{name}") for name in ("1_01_a_split.webp", "2_01_a_split.webp"))])
    assert [clip["has_thumbnail"] for clip in found.clips] == [True, True]
    assert str(found.clips[0]["thumbnail_r2_key"]).endswith("clip_01_01_a_split.webp")
    both = catalogue([clips[0], *(stored(f"clips/clip_01_01_a_split.{ending}") for ending in ("webp", "jpg"))])
    assert str(both.clips[0]["thumbnail_r2_key"]).endswith(".jpg")
    assert both.remarks == ()


def test_odd_names_are_clips_with_remarks():
    found = catalogue([stored("clips/Intro.mp4")])
    assert (found.clips[0]["scene_id"], found.clips[0]["priority"], found.clips[0]["scene_title"]) == (0, 99, "Intro")
    assert [remark.text for remark in found.remarks] == [
        "it does not begin with clip_<priority>_<scene>_",
        "it has no style: taken for 'original'",
        "it holds capital letters",
        "nothing tells its priority: taken for 99",
    ]


def test_clips_are_sorted_by_priority_and_id():
    names = ["clip_10_01_a_split", "clip_02_01_b_split", "x", "clip_02_01_a_split"]
    found = catalogue([stored(f"clips/{name}.mp4") for name in names])
    assert [clip["clip_id"] for clip in found.clips] == [names[3], names[1], names[0], "x"]


def test_the_order_of_a_listing_does_not_matter():
    files = files_of(CLIPS)
    assert catalogue(files).clips == catalogue(reversed(files)).clips


@pytest.mark.parametrize("highlights", [b"", b"{", b"5"])
def test_unreadable_files_beside_the_clips_are_remarked(highlights):
    found = catalogue(files_of(CLIPS), highlights, b"[")
    assert len(found.clips) == 2
    assert set(texts(found)) == {"highlights.json", "manifest.json"}


@pytest.mark.parametrize(("user_id", "video_id"), [("u", "__x__"), ("u", ".."), ("__u__", "v"), ("u", "images")])
def test_a_folder_that_can_be_no_video_has_no_clips_and_a_remark_for_every_file(user_id, video_id):
    file = stored_file(f"{user_id}/{video_id}/clips/clip_01_01_a_split.mp4", 5)
    found = catalogue_of(user_id, video_id, [file], None, None)
    assert found.clips == ()
    assert file.key in {remark.key for remark in found.remarks}


def test_files_of_one_key_are_one_clip():
    file = files_of(CLIPS)[0]
    found = catalogue([file, replace(file, size_bytes=1)])
    assert len(found.clips) == 1
    assert found.video["total_size_bytes"] == file.size_bytes
    assert [remark.text for remark in found.remarks] == ["is listed more than once"]


letters = st.characters() | st.sampled_from("_.-/ \\clip01")
names = st.text(letters, max_size=30) | st.from_regex(r"clip_[0-9]{0,3}_[0-9]{0,3}_[a-z_.-]*", fullmatch=True)
keys = st.tuples(
    st.sampled_from(["clips/", "", "final/", "clips/x/"]), names, st.sampled_from([".mp4", ".jpg", "", ".json"])
)
files = st.builds(
    lambda key, size, days: stored_file(f"{USER}/{VIDEO}/{''.join(key)}", size, CREATED + timedelta(days=days)),
    keys,
    st.integers(0, 2**50),
    st.integers(0, 400),
)
contents = (
    st.none() | st.binary(max_size=40) | st.sampled_from([HIGHLIGHTS, manifest_bytes(video_document(CLIPS), CLIPS)])
)


@given(st.lists(files, max_size=12), contents, contents)
def test_whatever_is_listed_every_clip_file_is_a_clip_or_a_remark(listing, highlights, manifest):
    found = catalogue(listing, highlights, manifest)
    remarked = {remark.key for remark in found.remarks}
    keys_of_clips = [clip["r2_key"] for clip in found.clips]
    assert len(set(keys_of_clips)) == len(keys_of_clips)
    for file in listing:
        if file.key.startswith(f"{USER}/{VIDEO}/clips/") and file.key.endswith(".mp4"):
            assert file.key in keys_of_clips or file.key in remarked
    for clip in found.clips:
        check_document_id("clip_id", clip["clip_id"])
        check_style(clip["style"])
        parse_timecode("start_time", clip["start_time"])
        parse_timecode("end_time", clip["end_time"])
    assert found.video["clips_count"] == sum(found.video["clips_by_style"].values()) == len(found.clips)


@given(st.text(max_size=8), st.text(max_size=8))
def test_whatever_a_folder_is_called_nothing_is_raised(user_id, video_id):
    file = stored_file(f"{user_id}/{video_id}/clips/a.mp4", 5)
    found = catalogue_of(user_id, video_id, [file], None, None)
    assert file.key in {clip["r2_key"] for clip in found.clips} | {remark.key for remark in found.remarks}


def test_titles_that_somebody_wrote_are_told_from_those_made_of_names():
    named, highlighted, listed = (clip_document(scene, priority=scene) for scene in (1, 2, 3))
    manifest = manifest_bytes(video_document([listed]), [listed])
    found = catalogue(files_of([named, highlighted, listed]), HIGHLIGHTS, manifest)
    assert found.titled == {highlighted["clip_id"], listed["clip_id"]}


def test_a_clip_beside_its_folder_is_remarked_and_what_compositions_store_is_not():
    beside = [stored(name) for name in ("clip_01_01_x_split.mp4", "old/clip_01_01_x_split.mp4")]
    known = [stored(name) for name in ("final/job.mp4", "parts/job/1_001.mp4")]
    found = catalogue([*beside, *known])
    assert [remark.key for remark in found.remarks] == [file.key for file in beside]
    assert found.clips == ()
