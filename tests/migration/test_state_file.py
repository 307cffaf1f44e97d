"""What a killed run leaves behind, and what the next one makes of it."""

import json
from pathlib import Path

import pytest

from migration.discovery import VideoRef
from migration.state_file import StateFile
from pipeline.domain.errors import ConfigurationError

ORIGIN = {"project": "demo", "bucket": "media"}


def line(video_id: str, clips: int = 1) -> dict[str, object]:
    return {"user_id": "u", "video_id": video_id, "clips": clips, "remarks": []}


def test_what_was_added_is_done_for_the_next_run(tmp_path: Path):
    path = tmp_path / "folder" / "state.jsonl"
    with StateFile(path, ORIGIN) as state:
        assert state.done() == set()
        state.add(line("v-1"))
        state.add(line("v-2 ünï 🎬"))
        assert path.read_text(encoding="utf-8").count("\n") == 3  # on the disk already
    with StateFile(path, ORIGIN) as state:
        assert state.done() == {VideoRef("u", "v-1"), VideoRef("u", "v-2 ünï 🎬")}


@pytest.mark.parametrize("torn", [b'{"user_id": "u", "video', b'{"user_id": "u", "video_id": "v-2"', b"\xc3", b"\0\0"])
def test_a_torn_last_line_is_not_done_and_spoils_no_other(tmp_path: Path, torn: bytes):
    path = tmp_path / "state.jsonl"
    with StateFile(path, ORIGIN) as state:
        state.add(line("v-1"))
    path.write_bytes(path.read_bytes() + torn)
    with StateFile(path, ORIGIN) as state:
        assert state.done() == {VideoRef("u", "v-1")}
        state.add(line("v-2"))
    with StateFile(path, ORIGIN) as state:
        assert state.done() == {VideoRef("u", "v-1"), VideoRef("u", "v-2")}


def test_a_torn_first_line_begins_anew(tmp_path: Path):
    path = tmp_path / "state.jsonl"
    path.write_bytes(json.dumps({"started": ORIGIN}).encode()[:-3])
    with StateFile(path, ORIGIN) as state:
        assert state.done() == set()
    with pytest.raises(ConfigurationError, match="another file"), StateFile(path, {**ORIGIN, "bucket": "other"}):
        pass


def test_of_a_video_that_was_done_twice_the_newest_line_counts(tmp_path: Path):
    with StateFile(tmp_path / "state.jsonl", ORIGIN) as state:
        for one in (line("v-1", clips=1), line("v-2", clips=2), line("v-1", clips=3)):
            state.add(one)
        assert [(one["video_id"], one["clips"]) for one in state.finished()] == [("v-2", 2), ("v-1", 3)]


def test_the_state_of_another_bucket_is_not_taken_for_this_one(tmp_path: Path):
    path = tmp_path / "state.jsonl"
    with StateFile(path, ORIGIN) as state:
        state.add(line("v-1"))
    with pytest.raises(ConfigurationError, match="'other'"), StateFile(path, {**ORIGIN, "bucket": "other"}):
        pass
    with StateFile(path, {**ORIGIN, "bucket": "other"}, anew=True) as state:
        assert state.done() == set()


def test_two_runs_at_once_do_not_share_a_file(tmp_path: Path):
    path = tmp_path / "state.jsonl"
    with StateFile(path, ORIGIN), pytest.raises(ConfigurationError, match="at work"), StateFile(path, ORIGIN):
        pass
    with StateFile(path, ORIGIN) as state:
        assert state.done() == set()
