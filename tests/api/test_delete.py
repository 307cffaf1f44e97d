"""DELETE /api/videos/{video_id} and /api/videos/{video_id}/clips/{filename}."""

import pytest

from localdev.stack.object_stores import LocalR2
from tests.api.conftest import Clock, Visitor


@pytest.fixture
def filled(visitor: Visitor, r2_server: LocalR2, clock: Clock) -> Visitor:
    """A completed video with two clips that are stored."""
    clock.set_to_real_time()
    visitor.add_video("run-1", status="completed")
    for number in (1, 2):
        filename = visitor.add_clip("run-1", number, has_thumbnail=True)
        for name in (filename, filename.replace(".mp4", ".jpg")):
            key = f"{visitor.user_id}/run-1/clips/{name}"
            r2_server.client.put_object(Bucket=r2_server.bucket, Key=key, Body=b"x")
    visitor.videos.update_clip_statistics("run-1")
    return visitor


def stored(visitor: Visitor, r2_server: LocalR2) -> list[str]:
    """The names of the user's files."""
    found = r2_server.client.list_objects_v2(Bucket=r2_server.bucket, Prefix=f"{visitor.user_id}/")
    return [entry["Key"].rpartition("/")[2] for entry in found.get("Contents", [])]


def test_a_clip_goes_with_its_files_and_is_not_counted_any_more(filled: Visitor, r2_server: LocalR2):
    path = "/api/videos/run-1/clips/clip_01_01_a-scene_split.mp4"
    answer = filled.ask(path, "DELETE")
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (204, b"", "no-store")
    assert "Content-Type" not in answer.headers
    assert stored(filled, r2_server) == ["clip_02_02_a-scene_split.jpg", "clip_02_02_a-scene_split.mp4"]
    video = filled.get("/api/videos/run-1")
    assert (video["clips_count"], [clip["priority"] for clip in video["clips"]]) == (1, [2])
    assert filled.ask(path, "DELETE").status_code == 404


def test_a_video_goes_with_everything(filled: Visitor, r2_server: LocalR2):
    assert filled.ask("/api/videos/run-1", "DELETE").status_code == 204
    assert stored(filled, r2_server) == []
    assert filled.get("/api/videos")["videos"] == []
    assert filled.ask("/api/videos/run-1", "DELETE").status_code == 404


def test_a_video_that_is_being_made_stays(visitor: Visitor):
    visitor.add_video("run-1")
    answer = visitor.ask("/api/videos/run-1", "DELETE")
    assert (answer.status_code, answer.json["error"]["status"]) == (409, "FAILED_PRECONDITION")
    assert answer.json["error"]["details"] == [{"reason": "still_processing"}]
    assert visitor.get("/api/videos/run-1")["status"] == "processing"


@pytest.mark.parametrize("path", ["/api/videos/run-1", "/api/videos/run-1/clips/clip_01_01_a-scene_split.mp4"])
def test_nobody_else_deletes_it(filled: Visitor, stranger: Visitor, r2_server: LocalR2, path: str):
    assert stranger.ask(path, "DELETE").status_code == 404
    assert len(stored(filled, r2_server)) == 4
    assert len(filled.get("/api/videos/run-1")["clips"]) == 2


@pytest.mark.parametrize(
    ("path", "http_status"),
    [
        ("/api/videos/run-1/clips/clip_01_01_a-scene_split", 404),
        ("/api/videos/run-1/clips/clip_01_01_a-scene_split.jpg", 404),
        ("/api/videos/run-1/clips/__x__.mp4", 400),
        ("/api/videos/%01", 400),
        ("/api/videos/images", 400),
        ("/api/videos/run-1?force=true", 400),
        ("/api/videos", 405),
    ],
)
def test_what_names_nothing_deletes_nothing(filled: Visitor, r2_server: LocalR2, path: str, http_status: int):
    assert filled.ask(path, "DELETE").status_code == http_status
    assert len(stored(filled, r2_server)) == 4
