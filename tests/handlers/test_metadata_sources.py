"""Answers about videos and clips out of Firestore and out of storage: alike, page by page."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.domain.clips import ClipDocument
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.domain.pages import encode_page_token
from pipeline.handlers.dual_write import write_manifest
from pipeline.handlers.metadata_sources import (
    FOLDERS_A_PAGE,
    IN_STORAGE,
    READERS,
    ClipSelection,
    FallbackSource,
    FirestoreSource,
    MetadataSource,
    StorageSource,
    effective_mode,
    metadata_source,
)
from pipeline.handlers.show_video import show_video
from pipeline.handlers.tools import Library
from tests.handlers.conftest import Workbench
from tests.handlers.watched_storage import WatchedStorage, refuse_everything
from tests.repositories.clip_samples import create_sample

DUAL, FALLBACK, ONLY = MetadataMode


def library(workbench: Workbench, mode: MetadataMode) -> Library:
    workbench.settings = replace(workbench.settings, metadata_mode=mode)
    return workbench.tools()


def make_video(shelf: Library, user_id: str, video_id: str, clips: int = 1, status: str = "completed") -> None:
    """A video with its documents, its files and, if the mode wants it, its manifest."""
    shelf.videos(user_id).create_or_update_video(video_id, video_title=f"Video {video_id}")
    documents = shelf.clips(user_id, video_id)
    for number in range(1, clips + 1):
        style = "left_focus" if number % 3 == 0 else "split"
        clip_id = create_sample(documents, number, style, priority=number // 2 + 1, has_thumbnail=True)
        document = documents.get_clip(clip_id)
        assert document is not None
        video = shelf.storage.upload_bytes(document["r2_key"], b"x" * number, "video/mp4")
        thumbnail = shelf.storage.upload_bytes(str(document["thumbnail_r2_key"]), b"t", "image/jpeg")
        documents.update_clip_status(
            clip_id, "completed", file_size_bytes=number, video_url=video.url, thumbnail_url=thumbnail.url
        )
        shelf.videos(user_id).add_style(video_id, style)
    shelf.videos(user_id).update_clip_statistics(video_id)
    shelf.videos(user_id).update_video_status(video_id, status)
    write_manifest(user_id, video_id, shelf)


def all_clips(source: MetadataSource, video_id: str, page_size: int = 100, **filters: object) -> list[ClipDocument]:
    """All pages of a list."""
    found, token = [], None
    while True:
        selection = ClipSelection(page_size=page_size, page_token=token, **filters)  # type: ignore[arg-type]
        page = source.list_clips(video_id, selection)
        assert len(page) <= page_size
        found += page
        token = page.next_page_token
        if token is None:
            return found


def all_videos(source: MetadataSource, page_size: int = 100, status: str | None = None) -> list[str]:
    """The ids of all pages."""
    found, token = [], None
    while True:
        page = source.list_videos(status, page_size, token)
        assert len(page) <= page_size
        found += [video["video_id"] for video in page]
        token = page.next_page_token
        if token is None:
            return found


def test_storage_answers_as_firestore_does(workbench: Workbench):
    shelf = library(workbench, DUAL)
    make_video(shelf, "src-same", "v", clips=9)
    firestore, storage = FirestoreSource("src-same", shelf), StorageSource("src-same", shelf)
    assert storage.get_video("v") == firestore.get_video("v")
    for filters in ({}, {"style": "left_focus"}, {"scene_id": 4}, {"status": "completed"}, {"status": "failed"}):
        expected = all_clips(firestore, "v", **filters)
        assert all_clips(storage, "v", **filters) == expected, filters
        assert all_clips(storage, "v", page_size=2, **filters) == expected, filters
    clip_id = all_clips(firestore, "v")[3]["clip_id"]
    assert storage.get_clip("v", clip_id) == firestore.get_clip("v", clip_id) is not None
    assert storage.get_clip("v", "none") is firestore.get_clip("v", "none") is None
    assert storage.get_video("none") is firestore.get_video("none") is None
    assert all_clips(storage, "none") == all_clips(firestore, "none") == []


def test_a_page_that_firestore_has_begun_may_go_on_in_storage(workbench: Workbench):
    shelf = library(workbench, DUAL)
    make_video(shelf, "src-token", "v", clips=5)
    first = FirestoreSource("src-token", shelf).list_clips("v", ClipSelection(page_size=2))
    rest = ClipSelection(page_size=2, page_token=first.next_page_token)
    second = StorageSource("src-token", shelf).list_clips("v", rest)
    assert [clip["scene_id"] for clip in (*first, *second)] == [1, 2, 3, 4]


def test_storage_lists_videos_by_their_folders(workbench: Workbench):
    shelf = library(workbench, DUAL)
    for video_id in ("c", "a", "b", "__x__"):
        shelf.storage.upload_bytes(f"src-list/{video_id}/clips/clip_01_01_a_split.mp4", b"x", "video/mp4")
    make_video(shelf, "src-list", "d", status="failed")
    storage = StorageSource("src-list", shelf)
    for page_size in (1, 2, 3, 100):
        assert all_videos(storage, page_size) == ["a", "b", "c", "d"]
    assert all_videos(storage, 2, status="completed") == ["a", "b", "c"]
    assert all_videos(storage, 1, status="failed") == ["d"]


def test_a_page_ends_after_so_many_folders_and_the_next_one_goes_on(workbench: Workbench):
    shelf = library(workbench, DUAL)
    for number in range(FOLDERS_A_PAGE + 1):
        shelf.storage.upload_bytes(f"src-many/v{number:03d}/clips/clip_01_01_a_split.mp4", b"x", "video/mp4")
    make_video(shelf, "src-many", "z", status="failed")
    storage = StorageSource("src-many", shelf)
    first = storage.list_videos("failed", READERS, None)
    assert list(first) == []
    assert [video["video_id"] for video in storage.list_videos("failed", 5, first.next_page_token)] == ["z"]


def test_nothing_of_another_user_is_in_any_answer(workbench: Workbench):
    shelf = library(workbench, DUAL)
    make_video(shelf, "src-owner", "v")
    other = StorageSource("src-own", shelf)
    assert (other.get_video("v"), all_clips(other, "v"), all_videos(other)) == (None, [], [])
    for source in (other, FirestoreSource("src-own", shelf), FallbackSource("src-own", shelf)):
        with pytest.raises(InvalidRequest):
            source.get_video("../src-owner/v")
    with pytest.raises(InvalidRequest):
        StorageSource("a/b", shelf)


def test_a_list_goes_on_behind_a_folder_that_can_be_no_video(workbench: Workbench):
    shelf = library(workbench, DUAL)
    shelf.storage.upload_bytes("src-reserved/a/clips/clip_01_01_a_split.mp4", b"x", "video/mp4")
    page = StorageSource("src-reserved", shelf).list_videos(None, 5, encode_page_token(IN_STORAGE, "__x__"))
    assert [video["video_id"] for video in page] == ["a"]


def test_names_that_are_longer_than_any_key_are_not_asked_for(workbench: Workbench):
    shelf = library(workbench, DUAL)
    source = StorageSource("src-long", replace(shelf, storage=WatchedStorage(shelf.storage, refuse_everything)))
    assert source.get_video("v" * 1020) is None
    with pytest.raises(InvalidRequest, match="page_token"):
        source.list_videos(None, 5, encode_page_token(IN_STORAGE, "v" * 1100))


@pytest.mark.parametrize("token", ["", "x", "WzEsImEiXQ", "WyIyMDI2IiwiYSJd", "WyJzdG9yYWdlIiwiYS9iIl0"])
def test_odd_tokens_and_sizes_are_refused(workbench: Workbench, token: str):
    source = StorageSource("src-odd", library(workbench, DUAL))
    with pytest.raises(InvalidRequest, match="page_token"):
        source.list_videos(None, 5, token)
    with pytest.raises(InvalidRequest, match="page_size"):
        source.list_videos(None, 0, None)
    with pytest.raises(InvalidRequest, match="status"):
        source.list_videos("odd", 5, None)


class TestFallback:
    def test_firestore_answers_where_it_can(self, workbench: Workbench):
        shelf = library(workbench, FALLBACK)
        make_video(shelf, "fb-fs", "v", clips=3)
        closed = replace(shelf, storage=WatchedStorage(shelf.storage, refuse_everything))
        source, firestore = FallbackSource("fb-fs", closed), FirestoreSource("fb-fs", shelf)
        assert source.get_video("v") == firestore.get_video("v")
        assert all_clips(source, "v", 2) == all_clips(firestore, "v")
        assert all_clips(source, "v", style="none") == []
        assert source.get_clip("v", "none") is None
        assert workbench.read("users/fb-fs/metadata/phase") == {}

    @pytest.mark.parametrize("is_video_left", [True, False])
    def test_storage_answers_the_same_where_firestore_has_nothing(
        self, workbench: Workbench, capsys: pytest.CaptureFixture[str], is_video_left: bool
    ):
        user_id = f"fb-lost-{is_video_left}"
        shelf = library(workbench, FALLBACK)
        make_video(shelf, user_id, "v", clips=5)
        source = FallbackSource(user_id, shelf)
        video, clips = source.get_video("v"), all_clips(source, "v")
        for clip in clips:
            shelf.clips(user_id, "v").delete_clip(clip["clip_id"])
        if not is_video_left:
            shelf.videos(user_id).delete_video("v")
        capsys.readouterr()
        assert source.get_video("v") == video
        assert all_clips(source, "v") == clips
        assert source.get_clip("v", clips[1]["clip_id"]) == clips[1]
        log = "".join(capsys.readouterr())
        assert log.count('"metadata_fallback": true') == 3
        phase = workbench.read(f"users/{user_id}/metadata/phase")
        assert phase["fallbacks"] == 3
        assert abs(phase["last_fallback_at"] - workbench.now()) < timedelta(minutes=1)

    def test_clips_that_are_being_migrated_come_from_storage_until_their_video_is_there(self, workbench: Workbench):
        shelf = library(workbench, FALLBACK)
        make_video(shelf, "fb-half", "v", clips=3)
        clips = all_clips(FirestoreSource("fb-half", shelf), "v")
        shelf.videos("fb-half").delete_video("v")
        create_sample(shelf.clips("fb-half", "v"), 1)
        assert all_clips(FallbackSource("fb-half", shelf), "v") == clips

    def test_a_video_that_has_nothing_yet_is_no_fallback(self, workbench: Workbench):
        shelf = library(workbench, FALLBACK)
        shelf.videos("fb-new").create_or_update_video("v", video_title="New")
        source = FallbackSource("fb-new", shelf)
        assert source.get_video("v") == FirestoreSource("fb-new", shelf).get_video("v")
        assert (all_clips(source, "v"), source.get_clip("v", "x"), source.get_video("none")) == ([], None, None)
        assert workbench.read("users/fb-new/metadata/phase") == {}

    def test_lists_go_on_with_the_videos_that_only_storage_has(self, workbench: Workbench):
        shelf = library(workbench, FALLBACK)
        for video_id in ("b", "d", "e"):
            make_video(shelf, "fb-list", video_id)
        for video_id in ("a", "c", "f"):
            shelf.storage.upload_bytes(f"fb-list/{video_id}/clips/clip_01_01_a_split.mp4", b"x", "video/mp4")
        source = FallbackSource("fb-list", shelf)
        for page_size in (1, 2, 3, 4, 100):
            assert all_videos(source, page_size) == ["e", "d", "b", "a", "c", "f"]
        assert all_videos(source, 2, status="failed") == []
        assert workbench.read("users/fb-list/metadata/phase")["fallbacks"] > 0


@pytest.mark.parametrize("mode", [DUAL, FALLBACK])
def test_a_video_that_only_storage_has_is_read_and_counted_once(workbench: Workbench, mode: MetadataMode):
    shelf = library(workbench, mode)
    user_id = f"once-{mode}"
    for number in (1, 2):
        key = f"{user_id}/v/clips/clip_{number:02d}_01_a_split.mp4"
        shelf.storage.upload_bytes(key, b"x", "video/mp4")
    storage = WatchedStorage(shelf.storage)
    shown = show_video(user_id, "v", ClipSelection(page_size=1), replace(shelf, storage=storage))  # type: ignore[arg-type]
    assert (shown.video["clips_count"], len(shown.clips)) == (2, 1)
    assert storage.named("list_objects") == [f"{user_id}/v/"]
    assert workbench.read(f"users/{user_id}/metadata/phase").get("fallbacks", 0) == (1 if mode is FALLBACK else 0)


class TestModes:
    @pytest.mark.parametrize(
        ("deployment", "switched", "kind"),
        [
            (DUAL, None, StorageSource),
            (DUAL, FALLBACK, FallbackSource),
            (DUAL, ONLY, FirestoreSource),
            (FALLBACK, DUAL, FallbackSource),
            (FALLBACK, None, FallbackSource),
            (FALLBACK, ONLY, FirestoreSource),
        ],
    )
    def test_a_user_may_be_ahead_of_the_deployment(
        self, workbench: Workbench, deployment: MetadataMode, switched: MetadataMode | None, kind: type
    ):
        shelf = library(workbench, deployment)
        user_id = f"mode-{deployment}-{switched}"
        if switched is not None:
            shelf.phases.switch(user_id, switched, workbench.now())
        assert type(metadata_source(user_id, shelf)) is kind

    def test_at_the_end_of_the_way_neither_storage_nor_the_phase_is_asked(self, workbench: Workbench):
        shelf = library(workbench, ONLY)
        make_video(shelf, "mode-end", "v", clips=2)
        closed = replace(
            shelf,
            storage=WatchedStorage(shelf.storage, refuse_everything),
            phases=WatchedStorage(shelf.storage, refuse_everything),  # type: ignore[arg-type]  # refuses all the same
        )
        source = metadata_source("mode-end", closed)
        assert effective_mode("mode-end", closed) is ONLY
        assert source.get_video("v") is not None
        assert len(all_clips(source, "v", 1)) == 2
        assert source.get_clip("v", "none") is None
        assert all_videos(source, 1) == ["v"]
        write_manifest("mode-end", "v", closed)
