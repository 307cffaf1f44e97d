"""Log entries: structured, bounded, and without secrets."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters import log_context, logger
from pipeline.adapters.threads import Threads
from pipeline.adapters.timed_calls import TimedCalls
from pipeline.domain.log_events import StepEnded

SECRET = "0123456789abcdef-of-r2"


@pytest.fixture(autouse=True)
def nothing_bound() -> Iterator[None]:
    """Handlers that other tests call outside of a function's call have noted things in this thread."""
    before = log_context._fields.set({})
    yield
    log_context._fields.reset(before)


@pytest.fixture
def concealed() -> Iterator[None]:
    before = set(logger._secrets)
    logger.conceal([SECRET])
    yield
    logger._secrets.clear()
    logger._secrets.update(before)


def entries(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    written = capsys.readouterr()
    return [json.loads(line) for line in (written.out + written.err).splitlines()]


@pytest.mark.usefixtures("concealed")
def test_entries_keep_their_facts_and_lose_what_is_secret(capsys: pytest.CaptureFixture[str]):
    logger.info("Stored", job_id="j", seconds=1.5, keys={"a": [SECRET, 1, None, True], SECRET: (SECRET,)})
    logger.warn(f"with {SECRET}", url="https://h/a?token=b")
    logger.error("failed", body=SECRET.encode())
    assert entries(capsys) == [
        {
            "severity": "INFO",
            "message": "Stored",
            "job_id": "j",
            "seconds": 1.5,
            "keys": {"a": ["…", 1, None, True], "…": ["…"]},
        },
        {"severity": "WARNING", "message": "with …", "url": "https://h/a?…"},
        {"severity": "ERROR", "message": "failed", "body": "22 bytes"},
    ]


@pytest.mark.usefixtures("concealed")
def test_a_traceback_tells_where_and_why_but_no_secret_of_any_cause(capsys: pytest.CaptureFixture[str]):
    def connect() -> None:
        raise ConnectionError(f"https://{SECRET}@h/b/c?X-Amz-Credential={SECRET} with key {SECRET}")

    def store() -> None:
        try:
            connect()
        except ConnectionError as error:
            raise RuntimeError(f"PUT /b/c?X-Amz-Signature={SECRET}") from error

    try:
        store()
    except RuntimeError as error:
        logger.unexpected("Unexpected RuntimeError in store", error, job_id="j")
    (entry,) = entries(capsys)
    told = str(entry["traceback"])
    assert SECRET not in json.dumps(entry)
    assert (entry["severity"], entry["job_id"]) == ("ERROR", "j")
    assert "ConnectionError: https://…@h/b/c?… with key …" in told
    assert "RuntimeError: PUT /b/c?…" in told
    assert "in connect" in told
    assert "test_logger.py" in told


@pytest.mark.usefixtures("concealed")
def test_long_texts_lose_their_middle_and_no_half_of_a_secret_stays(capsys: pytest.CaptureFixture[str]):
    logger.error("x" * (logger.LONGEST_TEXT // 2 - 5) + SECRET + "y" * logger.LONGEST_TEXT + "the end")
    (entry,) = entries(capsys)
    told = str(entry["message"])
    assert len(told) < logger.LONGEST_TEXT + 10
    assert told.startswith("xxx")
    assert told.endswith("the end")
    assert SECRET[:6] not in told


def test_what_is_bound_stands_in_every_entry_inside(capsys: pytest.CaptureFixture[str]):
    with log_context.bound(job_id="j", step="a"):
        with log_context.bound(step="b"):
            log_context.note(user_id="u")
            logger.info("inner")
        logger.warn("outer", job_id="of another")
    logger.error("outside")
    inner, outer, outside = ({**entry, "severity": ""} for entry in entries(capsys))
    assert inner == {"severity": "", "message": "inner", "job_id": "j", "step": "b", "user_id": "u"}
    assert outer == {"severity": "", "message": "outer", "job_id": "of another", "step": "a"}
    assert outside == {"severity": "", "message": "outside"}


@pytest.mark.usefixtures("concealed")
def test_what_is_bound_is_redacted_like_everything(capsys: pytest.CaptureFixture[str]):
    with log_context.bound(path=f"/videos/{SECRET}"):
        logger.info("asked")
    assert entries(capsys)[0]["path"] == "/videos/…"


def test_threads_and_timed_calls_write_for_whom_they_work(capsys: pytest.CaptureFixture[str]):
    calls = TimedCalls()

    async def call() -> None:
        logger.info("a call")

    with Threads(4) as pool:
        for job_id in "abc":
            with log_context.bound(job_id=job_id):
                list(pool.map(logger.info, ["mapped"] * 2))
                pool.submit(logger.info, "submitted").result()
                calls.run(call, 10.0)
        pool.submit(logger.info, "for nobody").result()
    calls.stop()
    found = [(entry["message"], entry.get("job_id")) for entry in entries(capsys)]
    expected = [(what, job_id) for job_id in "abc" for what in ("a call", "mapped", "mapped", "submitted")]
    assert sorted(found[:-1], key=str) == sorted(expected)
    assert found[-1] == ("for nobody", None)


def test_every_thread_of_the_pipeline_knows_for_whom_it_works():
    """Those of others lose what is bound. (A repository writes no log; the outbox's thread sends for everybody.)"""
    own = {
        "adapters/threads.py",
        "adapters/timed_calls.py",
        "adapters/span_outbox.py",
        "repositories/clip_statistics.py",
    }
    pipeline = Path("functions/pipeline")
    found = {
        str(path.relative_to(pipeline))
        for path in pipeline.rglob("*.py")
        if re.search(r"ThreadPoolExecutor|threading\.Thread\(|run_in_executor|to_thread", path.read_text())
    }
    assert found == own


def test_an_event_is_told_with_its_name_and_fields(capsys: pytest.CaptureFixture[str]):
    ended = StepEnded("image", "predict", done=False, code="rate_limited", seconds=1.5)
    logger.tell(ended, "Step predict failed", is_warning=True, again=True)
    assert entries(capsys) == [
        {
            "severity": "WARNING",
            "message": "Step predict failed",
            "event": "step_ended",
            "kind": "image",
            "step": "predict",
            "done": False,
            "code": "rate_limited",
            "seconds": 1.5,
            "again": True,
        }
    ]
