"""GET /api/videos/{video_id}."""

import urllib.request
from datetime import timedelta

import pytest

from localdev.stack.object_stores import LocalR2
from tests.api.conftest import Clock, Visitor


@pytest.fixture
def filled(visitor: Visitor) -> Visitor:
    """A video with clips of two styles, one of them not completed."""
    visitor.add_video("run-1", video_title="A run", custom_prompt="Only the jokes", status="completed")
    visitor.add_clip("run-1", 2, style="left_focus")
    visitor.add_clip("run-1", 1, scene_title="", scene_description=None)
    visitor.add_clip("run-1", 3, status="processing")
    visitor.videos.update_clip_statistics("run-1")
    return visitor


def test_the_answer_holds_what_the_integration_guide_says(filled: Visitor):
    video = filled.get("/api/videos/run-1")
    assert (video["id"], video["title"], video["status"]) == ("run-1", "A run", "completed")
    assert (video["custom_prompt"], video["video_url"]) == ("Only the jokes", None)
    assert (video["clips_count"], video["total_size_bytes"]) == (2, 2 * 1_572_864)
    assert video["clips_by_style"] == {"left_focus": 1, "split": 1}
    assert video["next_page_token"] is None
    assert [clip["priority"] for clip in video["clips"]] == [1, 2]
    assert video["clips"][1] == {
        "name": "clip_02_02_a-scene_left_focus.mp4",
        "title": "Scene 2",
        "description": "What happens in scene 2",
        "url": "/api/videos/run-1/clips/clip_02_02_a-scene_left_focus.mp4",
        "thumbnail": None,
        "size": "1.5 MB",
        "style": "left_focus",
        "scene_id": 2,
        "priority": 2,
        "start_time": "00:00:05",
        "end_time": "00:00:10",
        "duration_seconds": 5.0,
        "size_bytes": 1_572_864,
        "status": "completed",
    }
    assert (video["clips"][0]["title"], video["clips"][0]["description"]) == ("", "")


@pytest.mark.parametrize(
    ("query", "priorities"),
    [
        ("status=all", [1, 2, 3]),
        ("status=processing", [3]),
        ("style=split", [1]),
        ("style=left_focus", [2]),
        ("style=none-such", []),
        ("scene_id=2", [2]),
        ("status=all&style=split&scene_id=3", [3]),
    ],
)
def test_clips_are_filtered(filled: Visitor, query: str, priorities: list[int]):
    assert [clip["priority"] for clip in filled.get(f"/api/videos/run-1?{query}")["clips"]] == priorities


def test_pages_hold_every_clip_once(visitor: Visitor):
    visitor.add_video("run-1")
    for number in range(1, 6):
        visitor.add_clip("run-1", number)
    found, token = [], ""
    for _ in range(3):
        page = visitor.get(f"/api/videos/run-1?page_size=2&page_token={token}")
        found += [clip["priority"] for clip in page["clips"]]
        token = page["next_page_token"]
    assert (token, found) == (None, [1, 2, 3, 4, 5])


def test_somebody_elses_video_and_none_are_the_same(filled: Visitor, stranger: Visitor):
    answers = [visitor.ask(f"/api/videos/{video_id}") for visitor, video_id in ((stranger, "run-1"), (filled, "none"))]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace("run-1", "none") == answers[1].text
    assert set(answers[0].headers.keys()) == set(answers[1].headers.keys())


def test_ids_and_names_of_any_letters_lead_to_their_clip(visitor: Visitor, r2_server: LocalR2):
    visitor.add_video("Späße & 100%?")
    filename = visitor.add_clip("Späße & 100%?", 1, clip_id="clip #1+2 für?", filename="clip #1+2 für?.mp4")
    key = f"{visitor.user_id}/Späße & 100%?/clips/{filename}"
    r2_server.client.put_object(Bucket=r2_server.bucket, Key=key, Body=b"moving pictures")
    shown = visitor.get("/api/videos/Sp%C3%A4%C3%9Fe%20%26%20100%25%3F")
    assert shown["clips"][0]["name"] == filename
    with urllib.request.urlopen(visitor.ask(shown["clips"][0]["url"]).headers["Location"], timeout=10) as answer:
        assert answer.read() == b"moving pictures"


def test_thumbnails_keep_their_url_for_half_an_hour_and_serve_the_picture(
    visitor: Visitor, clock: Clock, r2_server: LocalR2
):
    visitor.add_video("run-1")
    filename = visitor.add_clip("run-1", 1, has_thumbnail=True)
    key = f"{visitor.user_id}/run-1/clips/{filename.replace('.mp4', '.jpg')}"
    r2_server.client.put_object(Bucket=r2_server.bucket, Key=key, Body=b"a picture")

    def thumbnail() -> str:
        return str(visitor.get("/api/videos/run-1")["clips"][0]["thumbnail"])

    first = thumbnail()
    clock.now += timedelta(minutes=29)
    assert thumbnail() == first
    clock.now += timedelta(minutes=1)
    assert thumbnail() != first
    with urllib.request.urlopen(first, timeout=10) as answer:
        assert answer.read() == b"a picture"


@pytest.mark.parametrize("video_id", ["__reserved__", "%00", "a%0Ab", "a" * 1501])
def test_what_can_be_no_id_is_said_to_be_none(visitor: Visitor, video_id: str):
    answer = visitor.ask(f"/api/videos/{video_id}")
    assert answer.status_code == 400
    assert "'video_id'" in answer.json["error"]["message"]
