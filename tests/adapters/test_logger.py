"""Log entries: structured, bounded, and without secrets."""

import json
from collections.abc import Iterator

import pytest

from pipeline.adapters import logger

SECRET = "0123456789abcdef-of-r2"


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
