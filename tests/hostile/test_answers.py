"""A hostile server: whatever it says ends with the code of the table, leads nowhere else, and takes no memory."""

import threading
import tracemalloc
from pathlib import Path

import pytest

from pipeline.adapters.downloads import Downloader
from pipeline.domain.errors import JobError, SourceUnreachable
from tests.hostile.answers import ANSWER_ATTACKS, OK, PNG, AnswerAttack, serve
from tests.hostile.network import TableResolver, WatchedNetwork
from tests.hostile.servers import talking_server
from tests.hostile.urls import PUBLIC

MAX_BYTES = 2_000_000
NAMES = {
    "evil.example": [[PUBLIC]],
    "other.example": [[PUBLIC]],
    "inner.example": [["10.0.0.1"]],
    "mixed.example": [[PUBLIC, "127.0.0.1"]],
    "metadata.google.internal": [["169.254.169.254"]],
}


def downloader(network: WatchedNetwork, **options: float) -> Downloader:
    """For http://evil.example/, as if it were a server of the public internet."""
    return Downloader(frozenset({"evil.example:80"}), resolve=TableResolver(NAMES), network=network, **options)


@pytest.mark.parametrize("attack", ANSWER_ATTACKS, ids=lambda attack: attack.name)
def test_ends_with_its_code_and_leads_nowhere_else(attack: AnswerAttack, tmp_path: Path):
    target = tmp_path / "fetched"
    with talking_server(lambda connection: serve(connection, attack)) as port:
        network = WatchedNetwork(port)
        with pytest.raises(JobError) as caught:
            downloader(network).fetch("http://evil.example/", target, max_bytes=MAX_BYTES, kind="image")
    assert caught.value.code == attack.code, caught.value.message
    assert set(network.dialled) == {(PUBLIC, 80)}
    assert len(network.dialled) <= 4
    assert not target.exists()


LARGE = (
    "endless",
    "endless large chunks",
    "endless chunk",
    "headers without end",
    "a header of megabytes",
    "a gzip bomb",
)


@pytest.mark.parametrize("attack", [one for one in ANSWER_ATTACKS if one.name in LARGE], ids=lambda attack: attack.name)
def test_takes_no_memory(attack: AnswerAttack, tmp_path: Path):
    with talking_server(lambda connection: serve(connection, attack)) as port:
        tracemalloc.start()
        try:
            with pytest.raises(JobError):
                downloader(WatchedNetwork(port)).fetch(
                    "http://evil.example/", tmp_path / "fetched", max_bytes=50 * MAX_BYTES, kind="image"
                )
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < 8_000_000


def test_no_attack_on_memory_is_forgotten():
    assert {one.name for one in ANSWER_ATTACKS} >= set(LARGE)


@pytest.mark.parametrize("opening", [b"", b"HTT", OK, OK + b"\r\n", OK + b"Content-Length: 999\r\n\r\n" + PNG])
def test_a_server_that_drips_is_left(opening: bytes, tmp_path: Path):
    over = threading.Event()

    def drip(connection) -> None:
        connection.recv(65536)
        connection.sendall(opening)
        while not over.wait(0.05):
            connection.sendall(b" ")

    with talking_server(drip) as port:
        patient = downloader(WatchedNetwork(port), total_seconds=0.5)
        with pytest.raises(SourceUnreachable):
            patient.fetch("http://evil.example/", tmp_path / "fetched", max_bytes=MAX_BYTES, kind="image")
        over.set()


def test_a_name_that_changes_its_mind_is_not_asked_again(tmp_path: Path):
    with talking_server(lambda connection: (connection.recv(65536), connection.sendall(OK + b"\r\n" + PNG))) as port:
        network, resolver = WatchedNetwork(port), TableResolver({"rebinding.example": [[PUBLIC], ["127.0.0.1"]]})
        fetching = Downloader(frozenset({"rebinding.example:80"}), resolve=resolver, network=network)
        fetched = fetching.fetch("http://rebinding.example/", tmp_path / "a", max_bytes=MAX_BYTES, kind="image")
    assert fetched.size_bytes == len(PNG)
    assert (network.dialled, resolver.asked) == ([(PUBLIC, 80)], ["rebinding.example"])


def test_a_name_that_changes_its_mind_between_redirects_is_refused(tmp_path: Path):
    """It need not be asked again where the connection is kept; where it is not, its new address is checked, too."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: https://rebinding.example/b\r\nConnection: close\r\n\r\n"
    with talking_server(lambda connection: (connection.recv(65536), connection.sendall(moved))) as port:
        network = WatchedNetwork(port)
        resolver = TableResolver({"evil.example": [[PUBLIC]], "rebinding.example": [["127.0.0.1"]]})
        fetching = Downloader(frozenset({"evil.example:80"}), resolve=resolver, network=network)
        with pytest.raises(JobError) as caught:
            fetching.fetch("http://evil.example/a", tmp_path / "a", max_bytes=MAX_BYTES, kind="image")
    assert (caught.value.code, network.dialled) == ("unsafe_url", [(PUBLIC, 80)])


def test_the_certificate_is_asked_of_the_name_and_not_of_the_address(tmp_path: Path):
    """An https URL that is led to another server fails in its handshake: nothing of HTTP is said there."""
    heard: list[bytes] = []
    with talking_server(lambda connection: heard.append(connection.recv(65536))) as port:
        network = WatchedNetwork(port)
        with pytest.raises(SourceUnreachable):
            Downloader(resolve=TableResolver(NAMES), network=network).fetch(
                "https://evil.example/secret-path", tmp_path / "a", max_bytes=MAX_BYTES, kind="image"
            )
    assert network.dialled == [(PUBLIC, 443)]
    assert b"evil.example" in heard[0]  # the name of the server in TLS's first message
    assert b"secret-path" not in heard[0]
