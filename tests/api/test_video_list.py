"""GET /api/videos."""

from tests.api.conftest import Visitor


def test_a_new_user_has_none(visitor: Visitor):
    assert visitor.get("/api/videos") == {"videos": [], "next_page_token": None}


def test_the_newest_comes_first_and_others_videos_never(visitor: Visitor, stranger: Visitor):
    for video_id in ("one", "two", "three"):
        visitor.add_video(video_id, video_title=f"Video {video_id}", custom_prompt="Make it short")
    stranger.add_video("theirs")
    listed = visitor.get("/api/videos")["videos"]
    assert [(video["id"], video["title"]) for video in listed] == [
        ("three", "Video three"),
        ("two", "Video two"),
        ("one", "Video one"),
    ]
    assert listed[0]["custom_prompt"] == "Make it short"
    assert listed[0]["created_at"].endswith("Z")
    assert "user_id" not in listed[0]


def test_pages_hold_every_video_once(visitor: Visitor):
    wanted = [f"video-{number}" for number in range(5)]
    for video_id in wanted:
        visitor.add_video(video_id)
    found, token = [], ""
    for _ in range(3):
        page = visitor.get(f"/api/videos?page_size=2&page_token={token}")
        found += [video["id"] for video in page["videos"]]
        token = page["next_page_token"]
    assert token is None
    assert found == wanted[::-1]


def test_one_status_or_all(visitor: Visitor):
    visitor.add_video("made", status="completed")
    visitor.add_video("being-made")
    assert [video["id"] for video in visitor.get("/api/videos?status=completed")["videos"]] == ["made"]
    assert len(visitor.get("/api/videos?status=all")["videos"]) == 2
    assert len(visitor.get("/api/videos")["videos"]) == 2


def test_both_forms_of_the_path_are_the_same(visitor: Visitor):
    visitor.add_video("one")
    assert visitor.get("/videos") == visitor.get("/api/videos")
