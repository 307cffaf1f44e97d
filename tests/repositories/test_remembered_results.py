"""Results that are used again, on the real emulator: found by their own user while they last, and never a cause of
failure."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from localdev.stack import PROJECT_ID
from pipeline.repositories.results import ResultRepository, StoredResult

NOW = datetime(2031, 1, 1, 12, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(days=7)
KEY = "ab" * 32
RESULT = StoredResult(
    job_id="job-1",
    model="black-forest-labs/flux-schnell",
    seed=2**31 - 1,
    output={"key": "user/scene/image.png", "size_bytes": 1234, "thumbnail": {"width": 320}, "at": NOW, "none": None},
)


@pytest.fixture
def results(firestore_client: firestore.Client) -> ResultRepository:
    return ResultRepository(firestore_client)


def document(client: firestore.Client, user_id: str) -> firestore.DocumentReference:
    return client.document(f"users/{user_id}/results/{KEY}")


def test_what_was_kept_is_found(results: ResultRepository, user_id: str):
    results.keep(user_id, KEY, RESULT, UNTIL)
    assert results.find(user_id, KEY, NOW) == RESULT


def test_the_document_tells_all_of_it_and_when_it_goes(
    results: ResultRepository, user_id: str, firestore_client: firestore.Client
):
    began = datetime.now(UTC) - timedelta(seconds=5)
    results.keep(user_id, KEY, RESULT, UNTIL)
    fields = document(firestore_client, user_id).get().to_dict() or {}
    assert began <= fields.pop("created_at") <= datetime.now(UTC) + timedelta(seconds=5)
    assert fields == {
        "content_key": KEY,
        "job_id": "job-1",
        "model": "black-forest-labs/flux-schnell",
        "seed": 2**31 - 1,
        "output": dict(RESULT.output),
        "expire_at": UNTIL,
    }


def test_what_was_never_kept_is_not_found(results: ResultRepository, user_id: str):
    results.keep(user_id, KEY, RESULT, UNTIL)
    assert results.find(user_id, "cd" * 32, NOW) is None


def test_two_users_with_the_same_inputs_have_a_result_each(results: ResultRepository, user_id: str):
    other = f"{user_id}-other"
    results.keep(user_id, KEY, RESULT, UNTIL)
    assert results.find(other, KEY, NOW) is None
    theirs = replace(RESULT, job_id="job-2", output={"key": "other/image.png"})
    results.keep(other, KEY, theirs, UNTIL)
    assert results.find(user_id, KEY, NOW) == RESULT
    results.forget(user_id, KEY)
    assert results.find(other, KEY, NOW) == theirs


def test_a_later_result_takes_the_place_of_an_earlier_one(
    results: ResultRepository, user_id: str, firestore_client: firestore.Client
):
    later = StoredResult("job-2", "another/model", 7, {"key": "user/other.png"})
    results.keep(user_id, KEY, RESULT, UNTIL)
    results.keep(user_id, KEY, later, UNTIL + timedelta(days=1))
    assert results.find(user_id, KEY, UNTIL) == later
    assert document(firestore_client, user_id).get().get("output") == {"key": "user/other.png"}


@pytest.mark.parametrize(
    ("late", "is_found"), [(timedelta(microseconds=-1), True), (timedelta(0), False), (timedelta(days=1), False)]
)
def test_a_result_is_found_until_its_time_is_over(
    results: ResultRepository, user_id: str, late: timedelta, is_found: bool
):
    results.keep(user_id, KEY, RESULT, UNTIL)
    assert (results.find(user_id, KEY, UNTIL + late) is not None) is is_found


def test_what_is_forgotten_is_not_found_and_can_be_kept_again(results: ResultRepository, user_id: str):
    results.forget(user_id, KEY)  # there was none
    results.keep(user_id, KEY, RESULT, UNTIL)
    results.forget(user_id, KEY)
    assert results.find(user_id, KEY, NOW) is None
    results.keep(user_id, KEY, RESULT, UNTIL)
    assert results.find(user_id, KEY, NOW) == RESULT


ODD_VALUES: dict[str, tuple[Any, ...]] = {
    "content_key": (None, 1, "cd" * 32),
    "job_id": (None, "", 17, ["job-1"]),
    "model": (None, "", {"name": "flux"}),
    "seed": (None, "7", 7.0, True),
    "output": (None, "key.png", ["key.png"], 5),
    "expire_at": (None, "2031-02-01T00:00:00Z", 1_924_992_000, NOW.timestamp() + 1000),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ODD_VALUES.items() for value in values])
def test_a_document_of_another_shape_is_none(
    results: ResultRepository, user_id: str, firestore_client: firestore.Client, name: str, value: Any
):
    results.keep(user_id, KEY, RESULT, UNTIL)
    document(firestore_client, user_id).update({name: value})
    assert results.find(user_id, KEY, NOW) is None


@pytest.mark.parametrize("name", ODD_VALUES)
def test_a_document_that_lacks_a_field_is_none(
    results: ResultRepository, user_id: str, firestore_client: firestore.Client, name: str
):
    results.keep(user_id, KEY, RESULT, UNTIL)
    document(firestore_client, user_id).update({name: firestore.DELETE_FIELD})
    assert results.find(user_id, KEY, NOW) is None


def test_an_empty_document_is_none_and_can_be_replaced(
    results: ResultRepository, user_id: str, firestore_client: firestore.Client
):
    document(firestore_client, user_id).set({})
    assert results.find(user_id, KEY, NOW) is None
    results.keep(user_id, KEY, RESULT, UNTIL)
    assert results.find(user_id, KEY, NOW) == RESULT


def test_a_field_more_is_no_harm(results: ResultRepository, user_id: str, firestore_client: firestore.Client):
    results.keep(user_id, KEY, RESULT, UNTIL)
    document(firestore_client, user_id).update({"a_later_versions": "field"})
    assert results.find(user_id, KEY, NOW) == RESULT


def test_of_many_who_keep_a_result_at_once_one_is_found_whole(results: ResultRepository, user_id: str):
    made = [StoredResult(f"job-{n}", "a/model", n, {"key": f"{n}.png", f"only of {n}": n}) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda result: results.keep(user_id, KEY, result, UNTIL), made))
    assert results.find(user_id, KEY, NOW) in made


class CountingApi:
    """The generated API client, with a list of what was asked of it, and for how long it may try."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self.asked: list[tuple[str, float | None]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**options: Any) -> Any:
            self.asked.append((name, options.get("timeout")))
            return getattr(self._api, name)(**options)

        return call


@pytest.fixture
def counted(firestore_client: firestore.Client) -> Iterator[tuple[firestore.Client, CountingApi]]:
    client = firestore.Client(project=PROJECT_ID)
    api = CountingApi(client._firestore_api)
    client._firestore_api_internal = api  # the one seam that the SDK leaves
    yield client, api
    client.close()


def test_to_look_for_a_result_is_one_read_that_is_given_up_in_time(
    counted: tuple[firestore.Client, CountingApi], user_id: str
):
    client, api = counted
    ResultRepository(client).keep(user_id, KEY, RESULT, UNTIL)
    assert [name for name, _ in api.asked] == ["commit"]
    api.asked.clear()
    assert ResultRepository(client).find(user_id, KEY, NOW) == RESULT
    assert api.asked == [("batch_get_documents", 20.0)]


def test_what_is_too_old_is_deleted_and_nothing_is_indexed_that_nobody_looks_for():
    declared = json.loads((Path(__file__).parents[2] / "firestore.indexes.json").read_text())["fieldOverrides"]
    fields = {field["fieldPath"]: field for field in declared if field["collectionGroup"] == "results"}
    assert fields["expire_at"]["ttl"] is True
    assert fields["expire_at"]["indexes"] == fields["output"]["indexes"] == []
