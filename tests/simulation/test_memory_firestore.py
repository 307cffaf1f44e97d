"""The contract of the server in memory: the same tests run on it and on the Firestore emulator."""

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ServiceUnavailable,
)
from google.cloud import firestore
from google.cloud.firestore_v1._helpers import ReadAfterWriteError
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.domain.predictions import PredictionOrder, PredictionState
from pipeline.repositories.clips import ClipRepository
from pipeline.repositories.predictions import PredictionRepository
from pipeline.repositories.videos import VideoRepository
from tests.simulation.memory_firestore import MemoryClient, OpenGate
from tests.simulation.memory_store import MemoryStore

TIME = datetime(2026, 11, 3, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", "emulator"])
def client(request: pytest.FixtureRequest) -> Iterator[firestore.Client]:
    if request.param == "emulator":
        yield request.getfixturevalue("firestore_client")
        return
    client = MemoryClient(MemoryStore())
    yield client
    client.close()


@pytest.fixture
def place(client: firestore.Client) -> firestore.CollectionReference:
    """A collection of the test's own."""
    return client.collection(f"contract-{uuid.uuid4().hex}")


def test_what_is_set_is_read_back(place: Any) -> None:
    fields = {
        "null": None,
        "flag": True,
        "whole": 3,
        "float": 2.5,
        "text": "ä",
        "bytes": b"\x00",
        "time": TIME,
        "list": [1, "a", {"b": None}],
        "map": {"x": {"y": []}},
    }
    place.document("a").set(fields)
    snapshot = place.document("a").get()
    assert snapshot.exists
    assert snapshot.id == "a"
    assert snapshot.to_dict() == fields
    assert snapshot.create_time == snapshot.update_time


def test_a_missing_document_is_a_snapshot_without_fields(place: Any) -> None:
    snapshot = place.document("nobody").get()
    assert not snapshot.exists
    assert snapshot.to_dict() is None
    assert snapshot.update_time is None


def test_some_fields_of_a_document(place: Any) -> None:
    document = place.document("a")
    document.set({"n": 1, "deep": {"m": 2}, "other": 3})
    assert document.get(["deep", "n", "none"]).to_dict() == {"n": 1, "deep": {"m": 2}}
    assert place.document("none").get(["n"]).to_dict() is None


def test_documents_are_copies(place: Any) -> None:
    fields = {"list": [1]}
    place.document("a").set(fields)
    fields["list"].append(2)
    read = place.document("a").get().to_dict()
    read["list"].append(3)
    assert place.document("a").get().to_dict() == {"list": [1]}


def test_set_replaces_and_merge_keeps(place: Any) -> None:
    place.document("a").set({"x": 1, "map": {"k": 1}})
    place.document("a").set({"map": {"l": 2}}, merge=True)
    assert place.document("a").get().to_dict() == {"x": 1, "map": {"k": 1, "l": 2}}
    place.document("a").set({"y": 2})
    assert place.document("a").get().to_dict() == {"y": 2}


def test_create_refuses_a_second_document(place: Any) -> None:
    place.document("a").create({"x": 1})
    with pytest.raises(AlreadyExists):
        place.document("a").create({"x": 2})
    assert place.document("a").get().to_dict() == {"x": 1}


def test_update_refuses_a_missing_document(place: Any) -> None:
    with pytest.raises(NotFound):
        place.document("a").update({"x": 1})
    assert not place.document("a").get().exists


def test_update_reaches_into_maps_and_deletes_fields(place: Any) -> None:
    place.document("a").set({"steps": {"one": {"done": False}, "two": 2}, "flat": 1, "gone": 1})
    place.document("a").update(
        {"steps.one": {"attempt": 1}, "steps.three.deep": 3, "flat.now_a_map": 2, "gone": firestore.DELETE_FIELD}
    )
    assert place.document("a").get().to_dict() == {
        "steps": {"one": {"attempt": 1}, "two": 2, "three": {"deep": 3}},
        "flat": {"now_a_map": 2},
    }


def test_a_name_with_odd_characters_is_quoted(place: Any) -> None:
    place.document("a").set({"steps": {}})
    place.document("a").update({"steps.`a-b.c`": 1})
    assert place.document("a").get().to_dict() == {"steps": {"a-b.c": 1}}


def test_transforms(place: Any) -> None:
    place.document("a").set({"count": 1, "styles": ["x"], "text": "no number"})
    place.document("a").update(
        {
            "count": firestore.Increment(2),
            "new": firestore.Increment(1.5),
            "text": firestore.Increment(1),
            "styles": firestore.ArrayUnion(["x", "y", "y"]),
            "at": firestore.SERVER_TIMESTAMP,
        }
    )
    fields = place.document("a").get().to_dict()
    assert isinstance(fields.pop("at"), datetime)
    assert fields == {"count": 3, "new": 1.5, "text": 1, "styles": ["x", "y"]}
    place.document("a").update({"styles": firestore.ArrayRemove(["x"]), "none": firestore.ArrayRemove(["x"])})
    fields = place.document("a").get().to_dict()
    assert (fields["styles"], fields["none"]) == (["y"], [])


def test_delete_is_safe_to_repeat(place: Any) -> None:
    place.document("a").set({"x": 1})
    place.document("a").delete()
    place.document("a").delete()
    assert not place.document("a").get().exists


def test_a_write_after_a_known_time_fails_when_somebody_wrote_since(client: Any, place: Any) -> None:
    place.document("a").set({"x": 1})
    read = place.document("a").get()
    place.document("a").update({"x": 2})
    with pytest.raises(FailedPrecondition):
        place.document("a").update({"x": 3}, option=client.write_option(last_update_time=read.update_time))
    now = place.document("a").get()
    place.document("a").update({"x": 4}, option=client.write_option(last_update_time=now.update_time))
    assert place.document("a").get().to_dict() == {"x": 4}
    assert place.document("a").get().create_time == read.create_time


def test_a_write_after_a_known_time_fails_when_the_document_is_gone(client: Any, place: Any) -> None:
    place.document("a").set({"x": 1})
    read = place.document("a").get()
    place.document("a").delete()
    with pytest.raises((NotFound, FailedPrecondition)):
        place.document("a").update({"x": 3}, option=client.write_option(last_update_time=read.update_time))


def test_a_batch_is_written_whole_or_not_at_all(client: Any, place: Any) -> None:
    batch = client.batch()
    batch.set(place.document("a"), {"x": 1})
    batch.update(place.document("missing"), {"x": 1})
    with pytest.raises(NotFound):
        batch.commit()
    assert not place.document("a").get().exists


def _fill(place: Any) -> None:
    for name, n, tags in (("a", 3, ["x"]), ("b", 1, ["x", "y"]), ("c", 2, []), ("d", 2, ["y"])):
        place.document(name).set({"n": n, "tags": tags, "at": TIME + timedelta(seconds=n), "deep": {"n": n}})
    place.document("e").set({"other": True, "at": None})
    place.document("a").collection("below").document("z").set({"n": 9})


def _ids(query: Any) -> list[str]:
    return [snapshot.id for snapshot in query.stream()]


@pytest.mark.parametrize(
    ("field", "operator", "value", "found"),
    [
        ("n", "==", 2, ["c", "d"]),
        ("n", "<=", 2, ["b", "c", "d"]),
        ("n", "<", 2, ["b"]),
        ("n", ">=", 2, ["c", "d", "a"]),
        ("n", ">", 2.5, ["a"]),
        ("n", "in", [1, 3, 7], ["a", "b"]),
        ("tags", "array_contains", "y", ["b", "d"]),
        ("at", "<=", TIME + timedelta(seconds=2), ["b", "c", "d"]),
        ("at", "==", None, ["e"]),
        ("deep.n", "==", 1, ["b"]),
        ("n", "==", "2", []),
    ],
)
def test_filters(place: Any, field: str, operator: str, value: Any, found: list[str]) -> None:
    _fill(place)
    assert _ids(place.where(filter=FieldFilter(field, operator, value))) == found


def test_a_collection_holds_its_own_documents_only(place: Any) -> None:
    _fill(place)
    assert _ids(place) == ["a", "b", "c", "d", "e"]
    assert _ids(place.document("a").collection("below")) == ["z"]


def test_order_cursor_and_limit(place: Any) -> None:
    _fill(place)
    ordered = place.order_by("n").order_by("__name__")
    assert _ids(ordered) == ["b", "c", "d", "a"]
    assert _ids(ordered.limit(2)) == ["b", "c"]
    assert _ids(ordered.start_after([2, "c"])) == ["d", "a"]
    assert _ids(ordered.start_after([2, "c"]).limit(1)) == ["d"]
    down = firestore.Query.DESCENDING
    assert _ids(place.order_by("n", direction=down).order_by("__name__", direction=down)) == ["a", "d", "c", "b"]
    assert _ids(place.order_by("n", direction=down).start_after([3])) == ["d", "c", "b"]


def test_conditions_are_joined_by_and(place: Any) -> None:
    _fill(place)
    query = place.where(filter=FieldFilter("n", "==", 2)).where(filter=FieldFilter("tags", "array_contains", "y"))
    assert _ids(query) == ["d"]
    assert [snapshot.to_dict() for snapshot in query.select(["deep.n"]).stream()] == [{"deep": {"n": 2}}]


def test_counts_and_sums(place: Any) -> None:
    _fill(place)
    assert place.count().get()[0][0].value == 5
    assert place.where(filter=FieldFilter("n", "==", 2)).count().get()[0][0].value == 2
    assert place.sum("n").get()[0][0].value == 8
    assert place.where(filter=FieldFilter("n", "==", 7)).sum("n").get()[0][0].value == 0


def test_a_transaction_writes_what_it_decided(client: Any, place: Any) -> None:
    place.document("a").set({"n": 1})

    def run(transaction: Any) -> int:
        n = place.document("a").get(transaction=transaction).get("n")
        transaction.update(place.document("a"), {"n": n + 1})
        transaction.set(place.document("b"), {"n": n})
        return int(n)

    assert firestore.transactional(run)(client.transaction()) == 1
    assert place.document("a").get().to_dict() == {"n": 2}
    assert place.document("b").get().to_dict() == {"n": 1}


def test_a_transaction_that_raises_writes_nothing(client: Any, place: Any) -> None:
    place.document("a").set({"n": 1})

    def run(transaction: Any) -> None:
        place.document("a").get(transaction=transaction)
        transaction.update(place.document("a"), {"n": 2})
        raise LookupError

    with pytest.raises(LookupError):
        firestore.transactional(run)(client.transaction())
    assert place.document("a").get().to_dict() == {"n": 1}
    place.document("a").update({"n": 3})  # and leaves no lock behind


def test_increments_of_many_transactions_all_count(client: Any, place: Any) -> None:
    place.document("a").set({"n": 0})

    def run(transaction: Any) -> None:
        n = place.document("a").get(transaction=transaction).get("n")
        transaction.update(place.document("a"), {"n": n + 1})

    def add() -> None:
        firestore.transactional(run)(client.transaction(max_attempts=50))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.document("a").get().to_dict() == {"n": 4}


def test_of_two_that_found_nothing_one_creates(client: Any, place: Any) -> None:
    meet = threading.Barrier(2)
    first_try = threading.local()
    created = []

    def run(transaction: Any) -> bool:
        exists = bool(place.document("a").get(transaction=transaction).exists)
        if not hasattr(first_try, "met"):
            first_try.met = True
            meet.wait()
        if not exists:
            transaction.set(place.document("a"), {"n": 1})
        return not exists

    def create() -> None:
        created.append(firestore.transactional(run)(client.transaction(max_attempts=20)))

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(created) == [False, True]


def test_a_read_only_transaction_sees_one_moment_and_writes_nothing(client: Any, place: Any) -> None:
    place.document("a").set({"n": 1})
    place.document("b").set({"n": 1})

    def run(transaction: Any) -> tuple[int, int]:
        first = place.document("a").get(transaction=transaction).get("n")
        place.document("b").update({"n": 2})
        query = place.where(filter=FieldFilter("n", "==", 1)).count()
        return first, query.get(transaction=transaction)[0][0].value

    assert firestore.transactional(run)(client.transaction(read_only=True)) == (1, 2)
    with pytest.raises(ValueError, match="read-only"):
        firestore.transactional(lambda t: t.set(place.document("c"), {}))(client.transaction(read_only=True))


def test_an_ended_transaction_reads_no_more(client: Any, place: Any) -> None:
    place.document("a").set({"n": 1})
    transaction = client.transaction()
    transaction._begin()
    ended = transaction._id
    transaction._rollback()
    transaction._id = ended
    with pytest.raises(InvalidArgument):
        place.document("a").get(transaction=transaction)


def test_the_clip_and_video_repositories_work_on_it(client: Any) -> None:
    user = f"user-{uuid.uuid4().hex}"
    videos, clips = VideoRepository(user, client=client), ClipRepository(user, "v", client=client)
    videos.create_or_update_video("v", video_title="first")
    for number in (1, 2):
        name = f"clip-{number}"
        clips.create_clip(name, f"{name}.mp4", number, "t", "noir", "00:00:00", "00:00:05", 5.0, priority=number)
        clips.update_clip_status(name, "completed", file_size_bytes=10, has_thumbnail=True)
    videos.add_style("v", "noir")
    videos.update_clip_statistics("v")
    video = videos.get_video("v")
    assert video is not None
    assert (video["clips_count"], video["total_size_bytes"], video["clips_by_style"]) == (2, 20, {"noir": 2})
    page = clips.list_clips(page_size=1)
    assert [clip["clip_id"] for clip in page] == ["clip-1"]
    assert [c["clip_id"] for c in clips.list_clips(page_size=1, page_token=page.next_page_token)] == ["clip-2"]


def test_a_transaction_reads_before_it_writes(client: Any, place: Any) -> None:
    place.document("a").set({"n": 1})

    def run(transaction: Any) -> None:
        transaction.update(place.document("a"), {"n": 2})
        place.document("a").get(transaction=transaction)

    with pytest.raises(ReadAfterWriteError):
        firestore.transactional(run)(client.transaction())
    assert place.document("a").get().to_dict() == {"n": 1}


def test_a_batch_on_conditions(client: Any, place: Any) -> None:
    place.document("a").set({"n": 1})
    read = place.document("a").get()
    batch = client.batch()
    assert len(batch) == 0
    batch.update(place.document("a"), {"n": 2}, option=client.write_option(last_update_time=read.update_time))
    batch.create(place.document("b"), {"n": firestore.Increment(3)})
    assert len(batch) == 2
    batch.commit()
    late = client.batch()
    late.update(place.document("a"), {"n": 9}, option=client.write_option(last_update_time=read.update_time))
    late.set(place.document("c"), {"n": 9})
    with pytest.raises(FailedPrecondition):
        late.commit()
    assert {snapshot.id: snapshot.to_dict() for snapshot in place.stream()} == {"a": {"n": 2}, "b": {"n": 3}}


def test_transforms_of_a_merge(place: Any) -> None:
    changes = {"n": firestore.Increment(2), "list": firestore.ArrayRemove(["x"]), "day": "today"}
    place.document("a").set(changes, merge=True)
    place.document("a").set({"list": ["x", "y"]}, merge=True)
    place.document("a").set(changes, merge=True)
    assert place.document("a").get().to_dict() == {"n": 4, "list": ["y"], "day": "today"}


def test_several_documents_at_once(client: Any, place: Any) -> None:
    place.document("a").set({"n": 1})
    found = client.get_all([place.document("a"), place.document("b")])
    assert {snapshot.reference.path: snapshot.exists for snapshot in found} == {
        f"{place.id}/a": True,
        f"{place.id}/b": False,
    }


def test_a_page_goes_on_behind_a_snapshot(place: Any) -> None:
    _fill(place)
    query = place.where(filter=FieldFilter("n", "==", 2)).order_by("__name__").limit(1)
    (first,) = query.stream()
    assert [snapshot.id for snapshot in query.start_after(first).stream()] == ["d"]


def test_a_query_of_a_past_moment_sees_nothing_that_came_later(place: Any) -> None:
    place.document("a").set({"x": 1})
    place.document("gone").set({"x": 1})
    then = place.document("a").get().read_time
    place.document("b").set({"x": 1})
    place.document("a").set({"x": 2})
    place.document("gone").delete()
    query = place.where(filter=FieldFilter("x", "==", 1))
    assert [found.id for found in query.stream(read_time=then)] == ["a", "gone"]
    assert query.count().get(read_time=then)[0][0].value == 2
    assert [found.id for found in query.stream()] == ["b"]


class NoAnswer(OpenGate):
    """Firestore is away."""

    def before(self, label: str) -> None:
        raise ServiceUnavailable(label)


def test_queries_that_get_no_answer_fail_like_reads() -> None:
    """Found by the simulation: the SDK looks up whether to ask again, and found no place to look."""
    client = MemoryClient(MemoryStore(), NoAnswer())
    for ask in (client.collection("c").get, client.collection("c").count().get, client.document("c/d").get):
        with pytest.raises(ServiceUnavailable):
            ask()


def test_records_with_one_seed_are_found_whatever_their_model_and_state(client: Any) -> None:
    predictions = PredictionRepository(client, timedelta(days=30))
    seed = uuid.uuid4().int & 0x7FFFFFFF
    for name, model, sent_after, chosen in (
        ("late", "m/a", 60, seed),
        ("early", "m/b", 0, seed),
        ("before", "m/a", -1, seed),
        ("unsent", "m/a", None, seed),
        ("other", "m/a", 60, seed + 1),
    ):
        op = f"image~{name}-{seed}~predict~1"
        predictions.open(op, f"image_generation_jobs/{op}", "u", PredictionOrder(model, {}, 0.0, 60, seed=chosen), TIME)
        if sent_after is not None:
            sent = TIME + timedelta(seconds=sent_after)
            predictions.move(op, set(PredictionState), PredictionState.HELD, TIME, submitting_at=sent)
    found = predictions.with_seed(seed, TIME)
    assert [(record.op.split("-")[0], record.seed_is_clients) for record in found] == [
        ("image~early", True),
        ("image~late", True),
    ]
