"""Hostile URLs, hostile servers. Nothing here leaves loopback: names are answered by the test's own resolver."""

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.adapters.download_targets import parse_target
from pipeline.adapters.downloads import Downloader, FetchedFile
from pipeline.adapters.public_addresses import is_public_address
from pipeline.domain.errors import (
    Interrupted,
    JobError,
    OutOfSpace,
    SourceError,
    SourceTooLarge,
    SourceUnreachable,
    UnsafeUrl,
    UnsupportedMedia,
)
from tests.adapters.conftest import Answer, free_port

PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(2000)
MAX_BYTES = 100_000
FULL_WIDTH_LOOPBACK = "https://" + "127.0.0.1".translate({**{48 + d: 0xFF10 + d for d in range(10)}, 46: 0x3002}) + "/"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """A server that does to each connection what the test wants; gives its "host:port"."""
    listeners = []

    def start(talk: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(65536)
                        talk(connection)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def fetch_from(url: str, target: Path, kind: str = "image", **limits: object) -> FetchedFile:
    """Fetch from a local server that is allowed by name."""
    authority = url.split("/")[2]
    downloader = Downloader(frozenset({authority}), **limits)
    return downloader.fetch(url, target, max_bytes=MAX_BYTES, kind=kind)


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        ["8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "2a00:1450::1"],
    )
    def test_the_public_internet_is_public(self, address: str) -> None:
        assert is_public_address(address)

    @pytest.mark.parametrize(
        "address",
        [
            "0.0.0.0",  # noqa: S104 - refused, not bound to
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.250",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "ff02::1",
            "localhost",
            "",
        ],
    )
    def test_everything_else_is_not(self, address: str) -> None:
        assert not is_public_address(address)


class TestUrls:
    @pytest.mark.parametrize(
        "url",
        [
            "",
            "clip.mp4",
            "//example.com/a",
            "http://example.com/a",
            "ftp://example.com/a",
            "file:///etc/passwd",
            "data:image/png;base64,iVBORw0KGgo=",
            "gopher://example.com/",
            "concat:a|b",
            "javascript:alert(1)",
            "https://",
            "https:///path",
            "https://user@example.com/",
            "https://user:password@example.com/",
            "https://example.com@10.0.0.1/",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://example.com:port/",
            "https://exa mple.com/",
            "https://example.com/a\r\nHost: evil",
            "https://example.com\\@evil.com/",
            "https://example.com%2eevil.com/",
            "https://[fe80::1%25eth0]/",
            "https://[::1",
            "https://-example.com/",
            "https://" + "a" * 300 + ".com/",
            "https://example.com/" + "a" * 9000,
            "https://xn--\u2603/",
        ],
    )
    def test_is_refused_before_anything_is_resolved(self, url: str, target: Path) -> None:
        downloader = Downloader(resolve=no_resolver)
        with pytest.raises(UnsafeUrl):
            downloader.fetch(url, target, max_bytes=MAX_BYTES, kind="image")
        assert not target.exists()
        with pytest.raises(UnsafeUrl):
            downloader.check_url(url)

    @pytest.mark.parametrize(
        ("url", "host", "port", "path"),
        [
            ("https://Example.COM", "example.com", 443, "/"),
            ("HTTPS://example.com:8443/a%20b?x=%2F&y=é#part", "example.com", 8443, "/a%20b?x=%2F&y=%C3%A9"),
            ("https://bücher.example/ü", "xn--bcher-kva.example", 443, "/%C3%BC"),
            (FULL_WIDTH_LOOPBACK, "127.0.0.1", 443, "/"),
            ("https://[2606:4700:0::1111]/", "2606:4700::1111", 443, "/"),
        ],
    )
    def test_is_read_as_what_will_be_connected_to(self, url: str, host: str, port: int, path: str) -> None:
        parsed = parse_target(url, frozenset())
        assert (parsed.host, parsed.port, parsed.path) == (host, port, path)

    @pytest.mark.parametrize(
        "url",
        [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://127.1/",
            "https://localhost/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://169.254.169.254/computeMetadata/v1/",
            "https://[64:ff9b::7f00:1]/",
            FULL_WIDTH_LOOPBACK,
        ],
    )
    def test_every_spelling_of_an_inner_address_is_refused_by_the_systems_own_resolver(
        self, url: str, target: Path
    ) -> None:
        with pytest.raises((UnsafeUrl, SourceUnreachable)) as caught:
            Downloader(network=NoNetwork()).fetch(url, target, max_bytes=MAX_BYTES, kind="image")
        assert isinstance(caught.value, UnsafeUrl) or "could not be found" in caught.value.message

    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "0", "127.1", "[::1]", "[::ffff:10.0.0.1]", "10.0.0.1"],
    )
    def test_an_inner_address_is_known_without_asking_anybody(self, host: str) -> None:
        downloader = Downloader(frozenset({"127.0.0.1:9000"}), resolve=no_resolver, network=NoNetwork())
        with pytest.raises(UnsafeUrl, match="not on the public internet"):
            downloader.check_url(f"https://{host}/clip.mp4")
        downloader.check_url("http://127.0.0.1:9000/clip.mp4")  # allowed, for local work

    @pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "media.example.com", "no-such-host.invalid"])
    def test_what_only_a_connection_can_tell_passes_a_check(self, host: str) -> None:
        Downloader(resolve=no_resolver, network=NoNetwork()).check_url(f"https://{host}/clip.mp4")


def no_resolver(host: str, port: int) -> list[str]:
    raise AssertionError(f"resolved {host}:{port}")


class NoNetwork(httpcore.NetworkBackend):
    def connect_tcp(self, *args: object, **options: object) -> httpcore.NetworkStream:
        raise AssertionError("connected")


class Rerouted(httpcore.NetworkBackend):
    """Remembers where connections were meant to go and leads them to a local port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.dialled: list[tuple[str, int]] = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.dialled.append((host, port))
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self.port, timeout)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of media.example.com, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "media.example.com")])
    today = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("media.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    """One answer to one TLS connection after another."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    asked = secured.recv(65536)
                    good = b"\r\nHost: media.example.com\r\n" in asked
                    secured.sendall(b"HTTP/1.1 %d X\r\nConnection: close\r\n\r\n" % (200 if good else 400) + PNG)
            except OSError:
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


class TestConnections:
    def test_a_name_is_resolved_once_and_exactly_its_checked_address_is_dialled(
        self, tls_port: int, certificate: Path, target: Path
    ) -> None:
        answers = iter([["93.184.216.34"], ["127.0.0.1"]])
        network = Rerouted(tls_port)
        downloader = Downloader(
            resolve=lambda *_: next(answers),
            network=network,
            ssl_context=ssl.create_default_context(cafile=certificate),
        )
        fetched = downloader.fetch("https://media.example.com/a.png", target, max_bytes=MAX_BYTES, kind="image")
        assert network.dialled == [("93.184.216.34", 443)]
        assert target.read_bytes() == PNG
        assert fetched == FetchedFile(target, len(PNG), "image/png")
        assert next(answers) == ["127.0.0.1"]

    def test_the_certificate_must_be_the_hosts_own(self, tls_port: int, certificate: Path, target: Path) -> None:
        for host, context in (
            ("other.example.com", ssl.create_default_context(cafile=certificate)),
            ("media.example.com", None),
        ):
            downloader = Downloader(
                resolve=lambda *_: ["93.184.216.34"], network=Rerouted(tls_port), ssl_context=context
            )
            with pytest.raises(SourceError, match=f"certificate of {host}"):
                downloader.fetch(f"https://{host}/", target, max_bytes=MAX_BYTES, kind="image")

    @pytest.mark.parametrize("inner", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "not an address"])
    def test_one_inner_address_among_public_ones_condemns_the_name(self, inner: str, target: Path) -> None:
        downloader = Downloader(resolve=lambda *_: ["8.8.8.8", inner], network=NoNetwork())
        with pytest.raises(UnsafeUrl, match=r"evil\.example is not on the public internet"):
            downloader.fetch("https://evil.example/", target, max_bytes=MAX_BYTES, kind="image")

    def test_the_next_address_is_tried_when_one_is_down(self, scripted_server, target: Path) -> None:
        port = scripted_server(lambda *_: Answer(200, PNG)).url.rpartition(":")[2]
        downloader = Downloader(frozenset({f"local:{port}"}), resolve=lambda *_: ["127.0.0.9", "127.0.0.1"])
        fetched = downloader.fetch(f"http://local:{port}/", target, max_bytes=MAX_BYTES, kind="image")
        assert fetched.size_bytes == len(PNG)

    def test_being_allowed_is_a_matter_of_host_and_port(self, scripted_server, target: Path) -> None:
        url = scripted_server(lambda *_: Answer(200, PNG)).url
        with pytest.raises(UnsafeUrl):
            Downloader(frozenset({"127.0.0.1:1"})).fetch(url, target, max_bytes=MAX_BYTES, kind="image")

    def test_a_host_that_is_down_or_unknown_is_unreachable(self, target: Path) -> None:
        with pytest.raises(SourceUnreachable):
            fetch_from(f"http://127.0.0.1:{free_port()}/", target)
        with pytest.raises(SourceUnreachable):
            Downloader(resolve=lambda *_: []).fetch("https://x.example/", target, max_bytes=1, kind="image")

    def test_proxies_of_the_environment_are_not_used(
        self, scripted_server, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
        assert fetch_from(scripted_server(lambda *_: Answer(200, PNG)).url + "/a", target).size_bytes == len(PNG)


class TestRedirects:
    def test_are_followed_relative_and_absolute(self, scripted_server, target: Path) -> None:
        steps = {
            "/a/b": Answer(302, headers={"Location": "../c?d=1"}),
            "/c?d=1": Answer(307, headers={"Location": "/e"}),
        }
        server = scripted_server(lambda _, path: steps.get(path, Answer(200, PNG)))
        assert fetch_from(server.url + "/a/b", target).media_type == "image/png"
        assert [path for _, path in server.requests] == ["/a/b", "/c?d=1", "/e"]

    @pytest.mark.parametrize(
        "location",
        [
            "https://169.254.169.254/computeMetadata/v1/",
            "https://127.0.0.1/",
            "http://example.com/",
            "file:///etc/passwd",
            "https://user:pw@example.com/",
            "//localhost/",
            "http://127.0.0.1:1/",
        ],
    )
    def test_are_checked_like_the_first_url(self, scripted_server, target: Path, location: str) -> None:
        server = scripted_server(lambda *_: Answer(301, headers={"Location": location}))
        with pytest.raises(UnsafeUrl):
            fetch_from(server.url + "/", target)
        assert len(server.requests) == 1

    def test_end_after_three(self, scripted_server, target: Path) -> None:
        server = scripted_server(lambda *_: Answer(302, headers={"Location": "/again"}))
        with pytest.raises(SourceError, match="redirects more than 3 times") as caught:
            fetch_from(server.url + "/", target)
        assert not caught.value.retryable
        assert len(server.requests) == 4

    def test_without_a_location_are_an_answer_without_a_file(self, scripted_server, target: Path) -> None:
        with pytest.raises(SourceError, match="302"):
            fetch_from(scripted_server(lambda *_: Answer(302)).url + "/", target)


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (204, SourceError),
            (206, SourceError),
            (400, SourceError),
            (401, SourceError),
            (403, SourceError),
            (404, SourceError),
            (408, SourceUnreachable),
            (410, SourceError),
            (429, SourceUnreachable),
            (500, SourceUnreachable),
            (503, SourceUnreachable),
        ],
    )
    def test_a_status_is_an_error_worth_retrying_or_not(
        self, scripted_server, target: Path, status: int, expected: type[JobError]
    ) -> None:
        server = scripted_server(lambda *_: Answer(status))
        with pytest.raises(SourceError) as caught:
            fetch_from(server.url + "/file?signature=very-secret", target)
        assert type(caught.value) is expected
        assert str(status) in caught.value.message
        assert "very-secret" not in caught.value.message

    @pytest.mark.parametrize(
        ("body", "kind", "came"),
        [
            (b"<!DOCTYPE html><html>please log in</html>", "image", "text/html"),
            (b'{"error": "expired"}', "video", "application/json"),
            (b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n", "video", "application/vnd.apple.mpegurl"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image", "image/svg+xml"),
            (PNG, "video", "image/png"),
            (MP4, "image", "video/mp4"),
            (b"", "image", "an empty file"),
            (b"\x00\x01\x02\x03", "audio", "something unknown"),
        ],
    )
    def test_what_came_instead_is_named(self, scripted_server, target: Path, body: bytes, kind: str, came: str) -> None:
        server = scripted_server(lambda *_: Answer(200, body, {"Content-Type": "image/png"}))
        with pytest.raises(UnsupportedMedia) as caught:
            fetch_from(server.url + "/", target, kind)
        assert came in caught.value.message
        assert not target.exists()

    @pytest.mark.parametrize(("body", "kind"), [(PNG, "image"), (MP4, "video"), (MP4, "audio"), (b"ID3\x04", "audio")])
    def test_the_right_media_are_kept_whatever_they_are_called(
        self, scripted_server, target: Path, body: bytes, kind: str
    ) -> None:
        server = scripted_server(lambda *_: Answer(200, body, {"Content-Type": "text/html"}))
        assert fetch_from(server.url + "/", target, kind).size_bytes == len(body)
        assert target.read_bytes() == body

    def test_a_compressed_answer_is_refused(self, scripted_server, target: Path) -> None:
        server = scripted_server(lambda *_: Answer(200, PNG, {"Content-Encoding": "gzip"}))
        with pytest.raises(UnsupportedMedia, match="compressed"):
            fetch_from(server.url + "/", target)

    def test_a_length_beyond_the_limit_is_not_even_begun(self, scripted_server, target: Path) -> None:
        server = scripted_server(lambda *_: Answer(200, PNG + bytes(MAX_BYTES)))
        with pytest.raises(SourceTooLarge, match=r"0\.1 MB"):
            fetch_from(server.url + "/", target)
        assert not target.exists()

    def test_an_endless_body_ends_at_the_limit(self, raw_server, target: Path) -> None:
        def endless(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + PNG)
            while True:
                connection.sendall(bytes(10_000))

        with pytest.raises(SourceTooLarge):
            fetch_from(f"http://{raw_server(endless)}/", target)
        assert not target.exists()

    def test_a_body_cut_short_is_unreachable(self, raw_server, target: Path) -> None:
        def cut(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + PNG)

        with pytest.raises(SourceUnreachable, match="broke"):
            fetch_from(f"http://{raw_server(cut)}/", target)
        assert not target.exists()

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"SSH-2.0-OpenSSH\r\n",
            b"HTTP/1.1 200 OK\r\nA: " + b"x" * 300_000,
            b"HTTP/1.1 200 OK\r\n\x00: y\r\n\r\n",
        ],
    )
    def test_an_answer_that_is_no_http_is_unreachable(self, raw_server, target: Path, answer: bytes) -> None:
        with pytest.raises(SourceUnreachable):
            fetch_from(f"http://{raw_server(lambda connection: connection.sendall(answer))}/", target)

    @pytest.mark.parametrize(
        "opening", [b"", b"HTTP/1.1 200 OK\r\nA: ", b"HTTP/1.1 200 OK\r\n\r\n" + PNG], ids=["silent", "headers", "body"]
    )
    def test_a_server_that_drips_is_left_when_the_time_is_over(self, raw_server, target: Path, opening: bytes) -> None:
        over = threading.Event()

        def drip(connection: socket.socket) -> None:
            connection.sendall(opening)
            while opening and not over.wait(0.05):
                connection.sendall(b"x")
            over.wait(5)

        started = time.monotonic()
        with pytest.raises(SourceUnreachable, match="too slow"):
            fetch_from(f"http://{raw_server(drip)}/", target, total_seconds=0.4, read_seconds=0.2)
        assert time.monotonic() - started < 2
        over.set()
        assert not target.exists()

    def test_a_full_disk_is_out_of_space(self, scripted_server, target: Path) -> None:
        target.symlink_to("/dev/full")
        with pytest.raises(OutOfSpace):
            fetch_from(scripted_server(lambda *_: Answer(200, PNG)).url + "/", target)


class TestWatching:
    def test_progress_ends_at_the_size_of_the_file(self, scripted_server, target: Path) -> None:
        server = scripted_server(lambda *_: Answer(200, PNG))
        seen: list[tuple[int, int | None]] = []
        Downloader(frozenset({server.url[7:]})).fetch(
            server.url + "/",
            target,
            max_bytes=MAX_BYTES,
            kind="image",
            on_progress=lambda done, total: seen.append((done, total)),
        )
        assert seen[-1] == (len(PNG), len(PNG))
        assert seen == sorted(seen)

    def test_a_stop_ends_the_download_and_leaves_no_file(self, raw_server, target: Path) -> None:
        def slow(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + PNG)
            while True:
                connection.sendall(bytes(100))

        chunks = []

        def should_stop() -> None:
            chunks.append(1)
            if len(chunks) > 3:
                raise Interrupted("canceled")

        authority = raw_server(slow)
        with pytest.raises(Interrupted):
            Downloader(frozenset({authority})).fetch(
                f"http://{authority}/", target, max_bytes=10**9, kind="image", should_stop=should_stop
            )
        assert not target.exists()


def test_ipv6_hosts_are_written_with_brackets() -> None:
    parsed = parse_target("https://[2606:4700::1111]:8443/a", frozenset())
    assert ipaddress.ip_address(parsed.host).version == 6
    assert parsed.authority == "[2606:4700::1111]:8443"
    assert parsed.redirected("/b?c", frozenset()).path == "/b?c"
