"""The commands as an operator gives them: dry, killed and resumed, verified, switched and switched back."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from migration.__main__ import main
from migration.gated_firestore import GatedClient
from migration.running import RunOptions, run, totals
from migration.switching import switch
from migration.verification import verify
from pipeline.adapters.object_storage import ObjectStorage, StoredObject
from pipeline.domain.errors import StorageRefused
from pipeline.domain.metadata_modes import MetadataMode
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.metadata_phases import MetadataPhaseRepository
from pipeline.repositories.videos import VideoRepository
from tests.migration.conftest import Place
from tests.migration.faulty_firestore import make_faulty
from tests.migration.old_bucket import OldBucket, fill

ROOT = Path(__file__).parents[2]


def small(place: Place, videos: int = 3) -> OldBucket:
    return fill(place.put, users=2, videos=videos, clips_of=8, odd_share=0.1, seed=3)


def command(place: Place, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status, and the report."""
    report = place.folder / "report.json"
    options = ["--project", place.project, "--report", str(report)]
    if arguments[0] == "run":
        options += ["--state", str(place.folder / "state")]
    status = main([*arguments, *options], {**os.environ, **place.environment})
    return status, json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}


def started(place: Place, *options: str) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    files = ["--state", str(place.folder / "state"), "--report", str(place.folder / "report.json")]
    return subprocess.Popen(
        [sys.executable, "-m", "migration", "run", "--project", place.project, *files, *options],
        cwd=ROOT,
        env={**os.environ, **place.environment, "PYTHONPATH": "functions"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # as in a terminal: what runs in the background begins with it ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_lines(state: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until so many lines are in the state file of a running process."""
    give_up_at = time.monotonic() + 60
    while not (state.exists() and state.read_bytes().count(b"\n") >= count):
        assert process.poll() is None
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def test_a_dry_run_writes_nothing_and_says_what_a_run_then_does(place: Place):
    small(place)
    dry = place.tools(dry=True)
    faulty = make_faulty(dry.client, seed=1, rate=0.0)
    with place.state(dry, "dry") as state:
        run(RunOptions(dry=True), state, dry)
        would, remarks = totals(state)
    assert faulty.commits == 0
    assert list(dry.client.collection_group("clips").stream()) == []
    real = place.tools()
    with place.state(real) as state:
        run(RunOptions(), state, real)
        done, same_remarks = totals(state)
    assert would == done
    assert would["clips_created"] > 0
    assert sorted(map(str, remarks)) == sorted(map(str, same_remarks))
    assert dry.client.written.documents == real.client.written.documents


def test_a_dry_client_refuses_what_it_does_not_know(place: Place):
    client = GatedClient(place.project, dry=True)
    client.document("users/u").set({"a": 1})
    assert not client.document("users/u").get().exists
    writer = client.bulk_writer()
    writer.set(client.document("users/u"), {"a": 1})
    with contextlib.suppress(NotImplementedError):
        writer.close()
    assert not client.document("users/u").get().exists
    with pytest.raises(NotImplementedError):
        _ = client._firestore_api.batch_write
    client.close()


def test_a_killed_run_is_resumed_and_nothing_is_different(place: Place):
    small(place, videos=12)
    state = place.folder / "state"
    arguments = [
        "run",
        "--project",
        place.project,
        "--state",
        str(state),
        "--report",
        str(place.folder / "report.json"),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "migration", *arguments, "--writes-per-second", "40", "--parallel", "3"],
        cwd=ROOT,
        env={**os.environ, **place.environment, "PYTHONPATH": "functions"},
        stdout=subprocess.DEVNULL,
    )
    give_up_at = time.monotonic() + 60
    while not (state.exists() and state.read_bytes().count(b"\n") >= 4):
        assert process.poll() is None
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    before = state.read_bytes().count(b"\n") - 1
    assert before < 30  # of 2 users, 12 videos and 3 folders each: it was in the middle
    status, report = command(place, "run")
    assert status == 0
    assert report["this_run"]["already_done"] == before
    assert report["all_runs"]["videos"] == 30
    status, report = command(place, "verify")
    assert (status, report["is_clean"], report["differences"]) == (0, True, [])


def test_a_run_that_is_interrupted_ends_cleanly_and_says_so(place: Place):
    small(place, videos=12)
    process = started(place, "--writes-per-second", "20")
    wait_for_lines(place.folder / "state", 3, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "The same command goes on" in output
    assert "Traceback" not in output
    assert json.loads((place.folder / "report.json").read_text())["is_whole"] is False


class Refusing:
    """A storage that does not let anybody see one folder."""

    def __init__(self, storage: ObjectStorage, folder: str) -> None:
        self._storage = storage
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        if prefix == self._folder:
            raise StorageRefused("File storage refused the listing.")
        return self._storage.list_objects(prefix)


def test_one_video_that_fails_stops_no_other_and_is_done_by_the_next_run(place: Place):
    small(place)
    tools = place.tools()
    refusing = cast(ObjectStorage, Refusing(tools.library.storage, "user-0/video-001/"))
    with place.state(tools) as state:
        figures = run(RunOptions(), state, replace(tools, library=replace(tools.library, storage=refusing)))
        assert totals(state)[0]["videos"] == 11
    assert figures.failed == [
        {
            "user_id": "user-0",
            "video_id": "video-001",
            "code": "storage_refused",
            "message": "File storage refused the listing.",
        }
    ]
    with place.state(tools) as state:
        figures = run(RunOptions(), state, tools)
    assert (figures.videos, figures.already_done, figures.failed) == (1, 11, [])
    assert verify([], tools).is_clean


def test_only_one_user_or_video_is_migrated_when_asked(place: Place, capsys: pytest.CaptureFixture[str]):
    small(place)
    _, report = command(place, "run", "--user", "user-1", "--video", "video-001")
    assert report["all_runs"]["videos"] == 1
    _, report = command(place, "run", "--user", "user-1")
    assert (report["all_runs"]["videos"], report["this_run"]["already_done"]) == (6, 1)
    assert "1 videos were done before" in " ".join(capsys.readouterr().out.split())
    status, report = command(place, "verify", "--user", "user-1")
    assert (status, report["is_clean"]) == (0, True)
    status, report = command(place, "verify")
    assert (status, report["is_clean"]) == (1, False)
    assert {one["user_id"] for one in report["differences"]} == {"user-0"}


def test_verify_finds_what_somebody_spoiled(place: Place):
    small(place)
    command(place, "run")
    tools = place.tools()
    clips = ClipRepository("user-0", "video-000", client=tools.client)
    first, second, third = [clip["clip_id"] for clip in clips.list_clips()][:3]
    clips.delete_clip(first)
    tools.client.document(f"users/user-0/videos/video-000/clips/{second}").update({"file_size_bytes": 7})
    clips.create_clip(
        "clip_77_77_gone_split", "clip_77_77_gone_split.mp4", 77, "Gone", "split", "00:00:00", "00:00:01", 1
    )
    clips.update_clip_status("clip_77_77_gone_split", "completed", file_size_bytes=1)
    clips.create_clip("clip_78_78_new_split", "clip_78_78_new_split.mp4", 78, "New", "split", "00:00:00", "00:00:01", 1)
    VideoRepository("user-0", client=tools.client).create_or_update_video("video-of-documents-only")
    tools.client.document("users/user-0/videos/video-001").delete()
    status, report = command(place, "verify")
    found = {(one["kind"], one["video_id"], one["clip_id"], one["field"]) for one in report["differences"]}
    assert status == 1
    assert found == {
        ("missing", "video-000", first, None),
        ("different", "video-000", second, "file_size_bytes"),
        ("extra", "video-000", "clip_77_77_gone_split", None),
        ("missing", "video-001", None, None),
    }
    assert third not in str(found)
    _, _ = command(place, "run", "--again")
    _, report = command(place, "verify")
    assert {one["kind"] for one in report["differences"]} == {"extra", "different"}  # of the extra one, and its count


def test_a_user_is_switched_only_when_nothing_is_different(place: Place, capsys: pytest.CaptureFixture[str]):
    small(place)
    phases = MetadataPhaseRepository(place.tools().client)
    status, report = command(place, "switch", "--user", "user-0", "--to", "firestore_with_fallback")
    assert (status, phases.mode_of("user-0")) == (1, None)
    assert report["users"][0]["verified"]["counts"]["missing"] > 0
    command(place, "run")
    status, report = command(place, "switch", "--user", "user-0", "--to", "firestore_only")
    assert (status, phases.mode_of("user-0")) == (0, "firestore_only")
    [phase] = phases.phases_of(["user-0"])
    assert phase.verified_at is not None
    assert phases.mode_of("user-1") is None
    capsys.readouterr()
    assert command(place, "status")[0] == 0
    shown = capsys.readouterr().out
    assert "firestore_only" in shown
    assert "user-1" in shown


def test_a_folder_that_can_be_no_users_stands_in_no_users_way(place: Place):
    small(place)
    place.put("__trash__/run-1/clips/clip_01_01_old_split.mp4", b"clip")
    command(place, "run")
    status, report = command(place, "switch", "--all-users", "--to", "firestore_with_fallback")
    assert (status, [one["user_id"] for one in report["users"]]) == (0, ["user-0", "user-1"])


def test_who_reads_only_documents_is_left_out_unless_named(place: Place):
    small(place)
    command(place, "run")
    command(place, "switch", "--user", "user-0", "--to", "firestore_only")
    tools = place.tools()
    [clip, *_] = ClipRepository("user-0", "video-000", client=tools.client).list_clips()
    document = tools.client.document(f"users/user-0/videos/video-000/clips/{clip['clip_id']}")
    document.update({"scene_title": "Edited by hand"})
    _, report = command(place, "run", "--again")
    assert report["users_ahead"] == ["user-0"]
    assert document.get().get("scene_title") == "Edited by hand"
    status, report = command(place, "verify")
    assert (status, report["counts"]["edited"]) == (0, 1)


def test_words_and_times_that_files_do_not_know_stay_as_somebody_wrote_them(place: Place):
    place.put("user-0/run-1/clips/clip_01_01_harbour_split.mp4", b"clip")
    command(place, "run")
    known = {
        "scene_title": "At the harbour",
        "start_time": "00:00:10",
        "end_time": "00:00:15",
        "duration_seconds": 5.0,
    }
    document = place.tools().client.document("users/user-0/videos/run-1/clips/clip_01_01_harbour_split")
    document.update(known)
    _, report = command(place, "run", "--again")
    assert report["this_run"]["documents_written"] == 0
    assert known.items() <= document.get().to_dict().items()


def test_the_way_back_needs_no_verification_and_brings_the_manifests_up_to_date(place: Place):
    small(place)
    command(place, "run")
    command(place, "switch", "--user", "user-0", "--to", "firestore_only")
    tools = place.tools()
    clips = ClipRepository("user-0", "video-000", client=tools.client)
    [clip, *_] = clips.list_clips()
    document = tools.client.document(f"users/user-0/videos/video-000/clips/{clip['clip_id']}")
    document.update({"scene_title": "Since then"})
    status, report = command(place, "switch", "--user", "user-0", "--to", "dual_write")
    assert (status, report["users"][0]["mode"]) == (0, "dual_write")
    manifest = json.loads(tools.library.storage.read_bytes("user-0/video-000/manifest.json"))
    assert "Since then" in {one["scene_title"] for one in manifest["clips"]}
    [phase] = MetadataPhaseRepository(tools.client).phases_of(["user-0"])
    assert phase.verified_at is not None
    status, report = command(place, "verify")
    assert (status, report["differences"]) == (0, [])


def titles_of(place: Place, video: str) -> set[str]:
    """As the video's manifest tells them."""
    manifest = json.loads(place.tools().library.storage.read_bytes(f"{video}/manifest.json"))
    return {one["scene_title"] for one in manifest["clips"]}


class Dying:
    """A storage whose process dies at the first manifest."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def update_bytes(self, *_: Any) -> StoredObject:
        raise KeyboardInterrupt


def test_a_way_back_that_was_broken_off_is_gone_to_its_end_by_the_next(place: Place):
    small(place)
    command(place, "run")
    command(place, "switch", "--user", "user-0", "--to", "firestore_only")
    tools = place.tools()
    [clip, *_] = ClipRepository("user-0", "video-000", client=tools.client).list_clips()
    document = tools.client.document(f"users/user-0/videos/video-000/clips/{clip['clip_id']}")
    document.update({"scene_title": "Since then"})
    dying = cast(ObjectStorage, Dying(tools.library.storage))
    with pytest.raises(KeyboardInterrupt):
        switch("user-0", MetadataMode.DUAL_WRITE, replace(tools, library=replace(tools.library, storage=dying)))
    assert command(place, "switch", "--user", "user-0", "--to", "dual_write")[0] == 0
    assert "Since then" in titles_of(place, "user-0/video-000")


def test_the_way_back_of_a_whole_deployment_brings_manifests_of_users_who_never_were_switched(place: Place):
    small(place)
    command(place, "run")
    place.environment["METADATA_MODE"] = "firestore_only"
    tools = place.tools()
    [clip, *_] = ClipRepository("user-0", "video-000", client=tools.client).list_clips()
    document = tools.client.document(f"users/user-0/videos/video-000/clips/{clip['clip_id']}")
    document.update({"scene_title": "Since then"})
    place.environment["METADATA_MODE"] = "dual_write"
    assert command(place, "switch", "--all-users", "--to", "dual_write")[0] == 0
    assert "Since then" in titles_of(place, "user-0/video-000")


def test_wrong_settings_are_named(place: Place, capsys: pytest.CaptureFixture[str]):
    file = place.folder / "env"
    file.write_text('R2_BUCKET="from-file"   # a comment\nMETADATA_MODE=sideways\n', encoding="utf-8")
    environment = {name: value for name, value in place.environment.items() if name != "METADATA_MODE"}
    assert main(["verify", "--env-file", str(file)], environment) == 2
    assert "METADATA_MODE is 'sideways'" in capsys.readouterr().err
    assert main(["verify", "--env-file", str(place.folder / "none")], environment) == 2
    assert "There is no file" in capsys.readouterr().err
    del environment["R2_ENDPOINT_URL"]
    assert main(["verify"], environment) == 2
    assert "R2_ENDPOINT_URL is not set" in capsys.readouterr().err
