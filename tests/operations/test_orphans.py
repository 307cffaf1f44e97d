"""Files that no document names are found and deleted, and no others, whatever happens between the two."""

# ruff: noqa: F811 - fixtures are imported by their names

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from urllib.parse import quote

import pytest
from google.cloud import firestore

from operations.deployment import Deployment
from operations.orphans.__main__ import main, parser, run
from operations.orphans.collection import Rules, collect
from operations.orphans.naming import Naming
from operations.orphans.report import Report
from operations.rate_limits import TokenBucket
from operations.waiting import Patience
from pipeline.adapters.object_storage import ObjectStorage, StoredObject
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.jobs import JobKind
from tests.handlers.conftest import USER, Workbench, replicate_server, workbench  # noqa: F401 - fixtures
from tests.migration.faulty_firestore import make_faulty
from tests.operations.places import Place, cloud_storage, firebase_place, place, r2_place  # noqa: F401 - fixtures
from tests.repositories.test_indexes import RecordingApi, needed, needed_of_groups

LATER = timedelta(days=10)
RULES = Rules(timedelta(days=7))


@dataclass
class Watched:
    """A storage in which something happens at a moment."""

    inner: ObjectStorage
    before_delete: list[Any] = field(default_factory=list)
    listed: int = 0
    breaks_after: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def list_objects(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        for stored in self.inner.list_objects(prefix, after):
            if self.breaks_after is not None and self.listed == self.breaks_after:
                raise KeyboardInterrupt
            self.listed += 1
            yield stored

    def delete_objects(self, keys: Any) -> None:
        for happen in self.before_delete:
            happen()
        self.inner.delete_objects(keys)


def command(place: Place, *arguments: str, days: float = LATER.days) -> tuple[int, str]:
    """The command, so many days from now, of somebody who is sure; what it printed."""
    report = [] if "--report" in arguments else ["--report", str(place.folder / "orphans.jsonl")]
    sure = ["--most", "--strangers"] if "--delete" in arguments else []
    return commanded(place, *report, *sure, *arguments, days=days)


def commanded(place: Place, *arguments: str, days: float = LATER.days) -> tuple[int, str]:
    """The same with these arguments and no others."""
    console = place.console()
    chosen = parser().parse_args(["--alias", "test", *arguments])
    status = run(chosen, place.deployment, console, lambda: datetime.now(UTC) + timedelta(days=days))
    return status, console.file.getvalue()  # type: ignore[attr-defined]


def reported(place: Place) -> set[str]:
    lines = [json.loads(line) for line in (place.folder / "orphans.jsonl").read_text().splitlines()]
    return {line["key"] for line in lines if "key" in line}


def outcomes(place: Place) -> dict[str, str]:
    lines = (place.folder / "orphans.jsonl.deleted").read_text().splitlines()
    return {line["key"]: line["outcome"] for line in map(json.loads, lines)}


def naming_of(place: Place, client: firestore.Client | None = None) -> Naming:
    patience = Patience(lambda _: None)
    return Naming(client or place.client, place.deployment.library, TokenBucket(1e9, 1e9), patience)


def furnish(place: Place) -> tuple[set[str], set[str]]:
    """Files that documents name, each by another one, and files of the same kinds that none does."""
    named, orphans = set(), set()

    def stored(is_named: bool, *keys: str) -> None:
        place.put(*keys)
        (named if is_named else orphans).update(keys)

    # pictures: of a job, shown by a scene, taken over by a retry, shown by a product, made a clip of, remembered
    place.write("image_generation_jobs/there", user_id="ann", status="complete")
    stored(True, "ann/images/s/there.png", "ann/images/s/there_thumbnail.webp")
    stored(True, "ann/images/shown/gone.jpg", "ann/images/shown/gone_thumbnail.webp")
    place.write("scenes/shown", user_id="ann", image_url=place.url("ann/images/shown/gone.jpg"))
    stored(True, "ann/images/s/first.png", "ann/images/s/first_thumbnail.webp")
    retry = {"image_key": "ann/images/s/first.png", "thumbnail_key": "ann/images/s/first_thumbnail.webp"}
    place.write("image_generation_jobs/retry", user_id="ann", status="complete", **retry)
    stored(True, "ann/images/s/product.png", "ann/images/s/moved.png", "ann/images/s/remembered.png")
    place.write("products/cup", user_id="ann", image_url=place.url("ann/images/s/product.png"))
    moved = place.url("ann/images/s/moved.png")
    place.write("video_generation_jobs/moved", user_id="ann", status="complete", image_url=moved)
    place.write("users/ann/results/key", job_id="remembered")
    stored(False, "ann/images/s/old.png", "ann/images/s/old_thumbnail.webp", "ann/images/shown/older.jpg")
    stored(False, "ann/images/gone-scene/old.webp", "bea/images/s/remembered.png")

    # clips: by their documents, of whatever id; by a job that has taken one over
    place.write("users/ann/videos/v", video_url=None)
    place.write("users/ann/videos/v/clips/one", r2_key="ann/v/clips/one.mp4")
    stored(True, "ann/v/clips/one.mp4", "ann/v/clips/one.jpg", "ann/v/clips/one.webp")
    place.write("users/ann/videos/v/clips/renamed", r2_key="ann/v/clips/file.mp4", thumbnail_r2_key=None)
    stored(True, "ann/v/clips/file.mp4", "ann/v/clips/job.mp4")
    place.write("video_generation_jobs/taken", user_id="ann", status="complete", video_key="ann/v/clips/job.mp4")
    stored(True, "ann/v/manifest.json", "ann/v/highlights.json")
    stored(False, "ann/v/clips/two.mp4", "ann/v/clips/two.jpg", "ann/v/clips/file.jpg")
    stored(False, "ann/gone/clips/one.mp4", "ann/gone/manifest.json", "ann2/v/clips/one.mp4")

    # final videos: of a job, of the video that shows one, taken over
    place.write("composition_jobs/cut", user_id="ann", status="complete")
    stored(True, "ann/v/final/cut.mp4", "ann/v/final/cut.jpg", "ann/v/final/cut_thumbnail.jpg")
    stored(True, "ann/v/final/last.mp4", "ann/v/final/last.jpg", "ann/v/final/last_thumbnail.jpg")
    place.client.document("users/ann/videos/v").update({"video_url": place.url("ann/v/final/last.mp4")})
    place.write("composition_jobs/again", user_id="ann", status="complete", video_key="ann/v/final/taken.mp4")
    stored(True, "ann/v/final/taken.mp4")
    stored(False, "ann/v/final/earlier.mp4", "ann/v/final/earlier.jpg", "ann/v/final/earlier_thumbnail.jpg")

    # parts: of a job that has not ended
    place.write("composition_jobs/running", user_id="ann", status="processing")
    stored(True, "ann/v/parts/running/p_001.mp4", "ann/v/final/running.mp4.body")
    stored(False, "ann/v/parts/cut/p_001.mp4", "ann/v/parts/gone/p_sound.m4a", "ann/v/final/cut.mp4.head")
    return named, orphans


def test_what_no_document_names_is_told_and_then_deleted_and_nothing_else(place: Place):
    named, orphans = furnish(place)
    others = {"own-media/a.mp4", "ann/odd.txt", "uploads/ann/song.mp3"}
    place.put(*others)
    status, printed = command(place)
    assert (status, reported(place)) == (0, orphans)
    assert place.keys() == named | orphans | others
    assert f"{len(orphans)} files of {4 * len(orphans)} B are named by no document" in printed
    assert "2 files are of no kind that is known here" in printed
    status, printed = command(place, "--delete")
    assert status == 0
    assert place.keys() == named | others
    assert outcomes(place) == dict.fromkeys(orphans, "deleted")
    assert command(place)[0] == 0
    assert reported(place) == set()


def test_files_of_users_of_whom_nothing_is_known_are_kept(r2_place: Place):
    place = r2_place
    report = ["--report", str(place.folder / "orphans.jsonl")]
    # each is known by another document: one that names files, one below users/, one of a job
    place.write("products/cup", user_id="ann")
    place.write("users/bea/usage/active", image={})
    place.write("multi_video_jobs/m", user_id="cid", status="error")
    known = {f"{user}/images/s/old.png" for user in ("ann", "bea", "cid")}
    foreign = {f"foreign-{number}/images/s/one.png" for number in range(3)}
    shown = {f"ann/images/s{number}/shown.png" for number in range(3)}
    place.put(*known, *foreign, *shown)
    for number in range(3):
        place.write(f"scenes/s{number}", user_id="ann", image_url=place.url(f"ann/images/s{number}/shown.png"))
    _, printed = commanded(place, *report)
    assert "3 of them are of users of whom" in printed
    status, printed = commanded(place, *report, "--delete")
    assert (status, place.keys()) == (0, foreign | shown)
    assert outcomes(place) == {
        **dict.fromkeys(known, "deleted"),
        **dict.fromkeys(foreign, "kept: Firestore has nothing at all of its user"),
    }
    assert "3 files were kept" in printed
    commanded(place, *report)
    commanded(place, *report, "--delete", "--strangers", "--most")
    assert place.keys() == shown


def test_nearly_all_that_there_is_is_not_deleted_unless_that_is_said(r2_place: Place):
    place = r2_place
    report = ["--report", str(place.folder / "orphans.jsonl")]
    place.write("users/ann/videos/v", video_url=None)
    place.write("users/ann/videos/v/clips/one", r2_key="ann/v/clips/one.mp4")
    clips = {f"ann/v/clips/{name}.mp4" for name in ("one", "two")}
    place.put(*clips)
    commanded(place, *report)
    place.put("ann/v/clips/three.mp4")
    assert commanded(place, *report, "--delete") == (0, ANY)  # half of them
    assert place.keys() == {"ann/v/clips/one.mp4", "ann/v/clips/three.mp4"}
    place.put("ann/v/clips/four.mp4")
    _, printed = commanded(place, *report)
    assert "2 of 3 clips that are no longer young would go" in printed
    with pytest.raises(ConfigurationError, match=r"2 of 3 clips .* would go.*--most"):
        commanded(place, *report, "--delete")
    assert len(place.keys()) == 3
    commanded(place, *report, "--delete", "--most")
    assert place.keys() == {"ann/v/clips/one.mp4"}
    place.storage.delete_objects(["ann/v/clips/one.mp4"])
    pictures = {f"ann/images/s/{number}.png" for number in range(2)}
    place.put(*pictures)
    commanded(place, *report)
    with pytest.raises(ConfigurationError, match="2 of 2 files"):
        commanded(place, *report, "--delete")
    assert place.keys() == pictures


def test_what_is_young_is_left_alone(r2_place: Place):
    r2_place.put("ann/v/clips/one.mp4", "ann/images/s/old.png")
    command(r2_place, days=6.9)
    assert reported(r2_place) == set()
    command(r2_place, "--grace-days", "30", days=29)
    assert reported(r2_place) == set()
    command(r2_place, days=7.1)
    assert reported(r2_place) == {"ann/v/clips/one.mp4", "ann/images/s/old.png"}


def test_files_that_nobody_knows_are_only_deleted_where_that_is_said_twice(r2_place: Place):
    r2_place.put("own-media/a.mp4")
    command(r2_place, "--unknown")
    assert reported(r2_place) == {"own-media/a.mp4"}
    command(r2_place, "--delete")
    assert outcomes(r2_place) == {"own-media/a.mp4": "kept"}
    command(r2_place, "--unknown")
    command(r2_place, "--delete", "--unknown")
    assert r2_place.keys() == set()


def test_uploads_are_looked_at_by_themselves(firebase_place: Place):
    place = firebase_place
    place.put(
        "ann/v/clips/one.mp4",
        "uploads/ann/used.mp3",
        "uploads/ann/cup.png",
        "uploads/ann/seed.png",
        "uploads/ann/running.mp4",
    )
    place.put("uploads/ann/forgotten.mp3", "uploads/ann2/cup.png")
    place.write(
        "composition_jobs/scored", user_id="ann", status="complete", audio_url=place.url("uploads/ann/used.mp3")
    )
    another_token = place.url("uploads/ann/cup.png").replace("token=", "token=other-")
    place.write("products/mug", user_id="ann", image_url=another_token)
    seed = place.url("uploads/ann/seed.png")
    place.write("video_generation_jobs/seeded", user_id="ann", status="complete", image_url=seed)
    clips = [{"scene_number": 1, "video_url": place.url("uploads/ann/running.mp4")}]
    place.write("composition_jobs/running", user_id="ann", status="processing", clips=clips)
    command(place, "--uploads")
    assert reported(place) == {"uploads/ann/forgotten.mp3", "uploads/ann2/cup.png"}
    command(place, "--uploads", "--delete")
    assert not place.keys("uploads/") & reported(place)
    assert "ann/v/clips/one.mp4" in place.keys("")


def test_an_address_names_a_file_whichever_host_and_token_it_has(place: Place):
    before = "https://before.example/media"
    kept = {
        "ann/images/s/shown-elsewhere.png": "scenes/another",
        "ann/images/s/shown-elsewhere_thumbnail.webp": "scenes/another",
        "ann/images/s/product.png": "products/cup",
        "ann/images/s/seed.png": "video_generation_jobs/seeded",
        "ann/images/s/second seed.png": "multi_video_jobs/many",
        "ann/v/clips/shown.mp4": "scenes/clip",
        "ann/v/final/board.mp4": "storyboards/board",
        "ann/images/s/video.png": "users/ann/videos/w",
    }
    place.put(*kept, "ann/images/s/nobody.png", "bea/images/s/product.png")
    for key, path in kept.items():
        if "thumbnail" not in key:
            url = f"{before}/{quote(key)}?token=before"
            fields = {"scenes": [{"seed_image_url": url}]} if path.startswith("multi") else {"any_url": url}
            place.write(path, user_id="ann", status="complete", **fields)
    command(place)
    assert reported(place) == {"ann/images/s/nobody.png", "bea/images/s/product.png"}


def test_an_upload_that_a_job_names_is_kept_whichever_token_it_has(firebase_place: Place):
    place = firebase_place
    place.put("uploads/ann/song.mp3", "uploads/ann/seed.png", "uploads/ann/forgotten.mp3")
    song, seed = (place.url(f"uploads/ann/{name}").replace("token=", "token=x") for name in ("song.mp3", "seed.png"))
    place.write("composition_jobs/scored", user_id="ann", status="complete", audio_url=song)
    place.write("video_generation_jobs/seeded", user_id="ann", status="complete", image_url=seed)
    command(place, "--uploads")
    assert reported(place) == {"uploads/ann/forgotten.mp3"}


def test_with_r2_the_bucket_of_uploads_has_to_be_named(r2_place: Place):
    arguments = parser().parse_args(["--alias", "test", "--uploads"])
    with pytest.raises(Exception, match="name it with --uploads-bucket"):
        run(arguments, r2_place.deployment, r2_place.console())


def test_while_files_are_the_truth_of_metadata_clips_need_no_document(r2_place: Place):
    environment = {**r2_place.deployment.environment, "METADATA_MODE": "firestore_with_fallback"}
    place = Place(Deployment("test", r2_place.deployment.project, environment), r2_place.folder)
    place.put("ann/old/clips/one.mp4", "ann/old/clips/one.webp", "ann/old/manifest.json", "ann/old/final/job.mp4")
    place.put("bea/old/clips/one.mp4")
    place.write("users/bea/metadata/phase", mode="firestore_only")
    command(place)
    assert reported(place) == {"ann/old/final/job.mp4", "bea/old/clips/one.mp4"}


def test_what_a_running_job_works_with_is_kept(r2_place: Place):
    place = r2_place
    place.put("ann/images/s/old.png", "ann/board/clips/new.mp4", "ann/v/clips/source.mp4", "ann2/board/clips/new.mp4")
    scenes = [{"scene_number": 1, "seed_image_url": place.url("ann/images/s/old.png")}]
    place.write("multi_video_jobs/m", user_id="ann", status="processing", storyboard_id="board", scenes=scenes)
    clips = [{"scene_number": 1, "video_url": place.url("ann/v/clips/source.mp4")}]
    place.write("composition_jobs/c", user_id="ann", status="pending", clips=clips)
    command(place)
    assert reported(place) == {"ann2/board/clips/new.mp4"}


def test_what_a_job_has_stored_between_listing_and_deletion_is_kept(
    r2_place: Place,
    workbench: Workbench,
):
    place = Place(Deployment("test", str(workbench.client.project), r2_place.deployment.environment), r2_place.folder)
    workbench.storage = place.storage
    image = f"{USER}/images/orphan-scene/orphan-job.png"
    place.put(image, f"{USER}/v/clips/announced.mp4", f"{USER}/v/clips/same.mp4", f"{USER}/v/clips/gone.mp4")
    command(place)
    assert len(reported(place)) == 4
    scene_id = workbench.scene("orphan-scene")
    job = workbench.run(JobKind.IMAGE, "orphan-job", {"scene_id": scene_id, "text": "A lighthouse"})
    place.put(f"{USER}/v/clips/same.mp4", data=b"another file")
    place.write(f"users/{USER}/videos/v/clips/announced", r2_key=f"{USER}/v/clips/announced.mp4")
    place.storage.delete_objects([f"{USER}/v/clips/gone.mp4"])
    assert command(place, "--delete")[0] == 0
    assert place.storage.stat(job["image_key"]) is not None
    assert outcomes(place) == {
        image: "changed" if job["image_key"] == image else "named: image_generation_jobs/orphan-job",
        f"{USER}/v/clips/announced.mp4": f"named: users/{USER}/videos/v/clips/announced",
        f"{USER}/v/clips/same.mp4": "changed",
        f"{USER}/v/clips/gone.mp4": "gone",
    }


def test_a_file_that_is_announced_in_the_very_moment_of_its_deletion_is_told(r2_place: Place):
    place = r2_place
    place.put("ann/v/clips/one.mp4", "ann/v/clips/two.mp4")
    command(place)
    storage = Watched(place.storage)
    storage.before_delete.append(lambda: place.write("users/ann/videos/v/clips/one", status="completed"))
    object.__setattr__(place.deployment.library, "storage", storage)
    status, printed = command(place, "--delete")
    assert status == 1
    assert "1 files were stored anew while they were deleted" in printed
    assert outcomes(place)["ann/v/clips/one.mp4"] == "deleted, but named now: users/ann/videos/v/clips/one"
    assert outcomes(place)["ann/v/clips/two.mp4"] == "deleted"


def test_a_listing_that_was_broken_off_goes_on_behind_its_last_whole_page(r2_place: Place):
    place = r2_place
    _, orphans = furnish(place)
    path = place.folder / "orphans.jsonl"
    storage, origin = Watched(place.storage), {"bucket": "one"}

    def go_on() -> int:
        before = storage.listed
        with Report(path, origin) as report:
            report.begin({"grace_days": 7})
            collect(
                storage,
                naming_of(place),
                report,
                RULES,
                lambda: datetime.now(UTC) + LATER,
                Patience(lambda _: None),
                page_size=5,
            )
        return storage.listed - before

    total = len(place.keys())
    storage.breaks_after = 23
    with pytest.raises(KeyboardInterrupt):
        go_on()
    with path.open("ab") as file:
        file.write(b'{"key": "ann/images/s/there.png", "kind": "picture", "size_b')  # killed in the middle of a line
    storage.breaks_after = None
    assert go_on() == total - 20
    assert reported(place) == orphans
    with Report(path, origin) as report:
        assert report.is_whole
        assert report.tally.of("orphans") == (len(orphans), 4 * len(orphans))
        assert sum(report.tally.of(what)[0] for what in ("named", "young", "left", "orphans")) == total


def test_a_deletion_that_was_broken_off_goes_on(r2_place: Place):
    place = r2_place
    place.put(*(f"ann/v/clips/{number:03}.mp4" for number in range(120)))
    command(place)
    storage = Watched(place.storage)

    def break_off() -> None:
        if len(place.keys()) < 120:
            raise KeyboardInterrupt

    storage.before_delete.append(break_off)
    object.__setattr__(place.deployment.library, "storage", storage)
    with pytest.raises(KeyboardInterrupt):
        command(place, "--delete")
    assert len(outcomes(place)) == 100
    with (place.folder / "orphans.jsonl.deleted").open("ab") as file:
        file.write(b'{"key": "ann/v/cl')
    storage.before_delete.clear()
    command(place, "--delete")
    assert place.keys() == set()
    assert list(outcomes(place).values()) == ["deleted"] * 120


def test_a_database_that_fails_makes_no_orphans(r2_place: Place):
    _, orphans = furnish(r2_place)
    with_faults = firestore.Client(project=r2_place.deployment.project)
    faulty = make_faulty(with_faults, seed=1, rate=1.0)  # of reads every fourth
    with Report(r2_place.folder / "orphans.jsonl", {}) as report:
        report.begin({})
        later = lambda: datetime.now(UTC) + LATER  # noqa: E731
        naming = naming_of(r2_place, with_faults)
        collect(r2_place.storage, naming, report, RULES, later, Patience(lambda _: None), page_size=10)
    assert faulty.faults.total() > 5
    assert reported(r2_place) == orphans
    with_faults.close()


def test_the_queries_need_no_index_that_is_not_there(firebase_place: Place):
    furnish(firebase_place)
    firebase_place.put("uploads/ann/song.mp3")
    api = RecordingApi(firebase_place.client._firestore_api)
    firebase_place.client._firestore_api_internal = api
    command(firebase_place)
    command(firebase_place, "--uploads", "--report", str(firebase_place.folder / "uploads.jsonl"))
    assert len(api.plain) > 10
    assert set().union(*(needed(query, []) | needed_of_groups(query) for query in api.plain)) == set()
    indexes = json.loads((Path(__file__).parents[2] / "firestore.indexes.json").read_text())
    exempt = {one["fieldPath"] for one in indexes["fieldOverrides"] if not one["indexes"]}
    asked = {part.field.field_path for query in api.plain for part in filters_of(query)}
    assert asked
    assert not asked & exempt


def filters_of(query: Any) -> list[Any]:
    where = query.where
    return [one.field_filter for one in where.composite_filter.filters] or [where.field_filter]


def test_wrong_arguments_are_told_in_sentences(r2_place: Place, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["--alias", "staging", "--grace-days", "1"], {})
    assert "a job may live for 2 days" in capsys.readouterr().err
    for arguments, told in ((["--grace-days", "week"], "'week' is no number"), (["--grace-days", "inf"], "more than")):
        with pytest.raises(SystemExit):
            main(["--alias", "staging", *arguments], {})
        assert told in capsys.readouterr().err
    assert main(["--alias", "nowhere"], {}) == 2
    assert "'nowhere' is none of the aliases" in capsys.readouterr().err
    with pytest.raises(Exception, match="There is no report"):
        command(r2_place, "--delete")


def test_a_report_of_another_bucket_is_not_used(r2_place: Place, firebase_place: Place):
    command(r2_place)
    with pytest.raises(Exception, match="name another file with --report"):
        command(firebase_place, "--delete")
