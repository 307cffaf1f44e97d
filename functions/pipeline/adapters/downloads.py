"""Fetches a file from a URL that a document named. Every such URL is hostile.

    parse (https, plain host) ──> resolve once ──> every address public? ──> connect to exactly that address
           ^                                                                      │ TLS for the host's own
           name └────────────── a redirect begins again, at most three times <─────────┤
                                                                                  v
          stream to disk, within size and time <── is it what was asked for? <── first bytes

Addresses are checked where the connection is made (a httpcore network backend), so no path around the check
exists: a name that answers differently the second time is not asked a second time. Proxies in the environment
are not used.
"""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import httpcore

from pipeline.adapters.download_targets import DownloadTarget, parse_target
from pipeline.adapters.guarded_network import AddressesOf, Allowance, Deadline, GuardedNetwork
from pipeline.adapters.local_disk import full_disk_is_out_of_space
from pipeline.adapters.public_addresses import is_public_address, numeric_addresses, resolve_host
from pipeline.domain.errors import (
    SourceError,
    SourceTooLarge,
    SourceUnreachable,
    UnsafeUrl,
    UnsupportedMedia,
)
from pipeline.domain.media_types import SNIFF_BYTES, MediaKind, serves_as, sniff_media_type

_HEADERS = (("User-Agent", "words-to-video-pipeline"), ("Accept", "*/*"), ("Accept-Encoding", "identity"))
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WORTH_RETRYING = frozenset({408, 425, 429})
_MAX_ADDRESSES = 4
_MAX_BYTES_BESIDE = 256 * 1024
"""Of one fetch, beside the file's own: the headers of an answer are at most 100 kB."""
_KIND_NAMES: dict[MediaKind, str] = {"image": "a picture", "video": "a video", "audio": "a sound file"}


@dataclass(frozen=True)
class FetchedFile:
    """A file that came in whole."""

    path: Path
    size_bytes: int
    media_type: str
    """As its first bytes say."""


class Downloader:
    """Fetches files within limits. Immutable, safe to share between threads.

    `allowed_http_hosts` ("host:port") may be reached by http and at private addresses: for local work only.
    `total_seconds` bounds one fetch from the first connection to the last byte; the system's resolver bounds
    its own time.
    """

    def __init__(
        self,
        allowed_http_hosts: frozenset[str] = frozenset(),
        *,
        connect_seconds: float = 5.0,
        read_seconds: float = 20.0,
        total_seconds: float = 180.0,
        max_redirects: int = 3,
        resolve: AddressesOf = resolve_host,
        network: httpcore.NetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed_http_hosts = allowed_http_hosts
        self._timeouts = {
            "connect": connect_seconds,
            "read": read_seconds,
            "write": read_seconds,
            "pool": connect_seconds,
        }
        self._total_seconds = total_seconds
        self._max_redirects = max_redirects
        self._resolve = resolve
        self._network = network or httpcore.SyncBackend()
        self._ssl_context = ssl_context

    def check_url(self, url: str) -> None:
        """Raises UnsafeUrl for a URL that would be refused whoever answered: its form, scheme, or spelled-out address.

        Nothing is asked of the network. So a name may still turn out to be unknown, or to lead to a private address.
        """
        target = parse_target(url, self._allowed_http_hosts)
        self._refuse_private(target.host, target.port, numeric_addresses(target.host, target.port))

    def fetch(
        self,
        url: str,
        path: Path,
        *,
        max_bytes: int,
        kind: MediaKind,
        should_stop: Callable[[], None] | None = None,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> FetchedFile:
        """Write what `url` serves to `path`; leaves no file when it fails.

        `should_stop` is called between chunks and raises to stop; `on_progress` gets the bytes so far and,
        where the server told it, the total. Raises UnsafeUrl, SourceError (4xx), SourceUnreachable (no
        answer, 5xx, too slow), SourceTooLarge, UnsupportedMedia, OutOfSpace.
        """
        allowance = Allowance(_MAX_BYTES_BESIDE)
        network = GuardedNetwork(self._network, self._checked_addresses, Deadline(self._total_seconds), allowance)
        target = parse_target(url, self._allowed_http_hosts)
        with httpcore.ConnectionPool(ssl_context=self._ssl_context, network_backend=network) as pool:
            for _ in range(self._max_redirects + 1):
                with _source_errors(target.host), self._request(pool, target) as response:
                    location = _header(response, b"location")
                    if response.status not in _REDIRECTS or not location:
                        body = _checked_body(response, target.host, max_bytes, allowance)
                        watched = _watch(body, _content_length(response), should_stop, on_progress)
                        return _save(watched, path, kind, target.host)
                target = target.redirected(location, self._allowed_http_hosts)
        raise SourceError(f"{target.host} redirects more than {self._max_redirects} times.")

    @contextmanager
    def _request(self, pool: httpcore.ConnectionPool, target: DownloadTarget) -> Iterator[httpcore.Response]:
        url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        headers = [("Host", target.authority), *_HEADERS]
        with pool.stream("GET", url, headers=headers, extensions={"timeout": self._timeouts}) as response:
            yield response

    def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a host; one that is not public condemns them all. Raises UnsafeUrl."""
        addresses = self._resolve(host, port)
        if not addresses:
            raise SourceUnreachable(f"The host {host} has no address.")
        self._refuse_private(host, port, addresses)
        return addresses[:_MAX_ADDRESSES]

    def _refuse_private(self, host: str, port: int, addresses: Sequence[str]) -> None:
        if f"{host}:{port}" not in self._allowed_http_hosts and not all(map(is_public_address, addresses)):
            raise UnsafeUrl(f"The host {host} is not on the public internet.")


def _checked_body(response: httpcore.Response, host: str, max_bytes: int, allowance: Allowance) -> Iterator[bytes]:
    """The body of an answer worth reading, which ends in SourceTooLarge beyond `max_bytes`."""
    status = response.status
    if status >= 500 or status in _WORTH_RETRYING:
        raise SourceUnreachable(f"{host} answered with a failure of its own ({status}).")
    if status != 200:
        raise SourceError(f"{host} does not serve the file ({status}).")
    if _header(response, b"content-encoding").lower() not in ("", "identity"):
        raise UnsupportedMedia(f"{host} sent the file compressed, although it was asked not to.")
    too_large = SourceTooLarge(f"The file on {host} is larger than {max_bytes / 1e6:.1f} MB.")
    if (_content_length(response) or 0) > max_bytes:
        raise too_large

    def bounded() -> Iterator[bytes]:
        received = 0
        for chunk in response.iter_stream():
            received += len(chunk)
            if received > max_bytes:
                raise too_large
            allowance.give_back(len(chunk))
            yield chunk

    return bounded()


def _watch(
    body: Iterator[bytes],
    total_bytes: int | None,
    should_stop: Callable[[], None] | None,
    on_progress: Callable[[int, int | None], None] | None,
) -> Iterator[bytes]:
    received = 0
    for chunk in body:
        if should_stop:
            should_stop()
        received += len(chunk)
        if on_progress:
            on_progress(received, total_bytes)
        yield chunk


def _save(body: Iterator[bytes], path: Path, kind: MediaKind, host: str) -> FetchedFile:
    head = b""
    while len(head) < SNIFF_BYTES and (chunk := next(body, b"")):
        head += chunk
    media_type = sniff_media_type(head)
    if media_type is None or not serves_as(media_type, kind):
        came = media_type or ("something unknown" if head else "an empty file")
        raise UnsupportedMedia(f"{host} sent {came} where {_KIND_NAMES[kind]} was expected.")
    size_bytes = 0
    try:
        with full_disk_is_out_of_space(), path.open("wb") as file:
            for chunk in chain((head,), body):
                size_bytes += file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return FetchedFile(path, size_bytes, media_type)


def _header(response: httpcore.Response, name: bytes) -> str:
    for header, value in response.headers:
        if header.lower() == name:
            return value.decode("utf-8", errors="replace")
    return ""


def _content_length(response: httpcore.Response) -> int | None:
    text = _header(response, b"content-length")
    return int(text) if text.isdecimal() else None


@contextmanager
def _source_errors(host: str) -> Iterator[None]:
    try:
        yield
    except httpcore.ConnectError as exc:
        # httpcore re-raises `from None`, so the reason is left in the context only.
        if isinstance(exc.__context__, ssl.SSLCertVerificationError):
            raise SourceError(f"The certificate of {host} is not valid.") from exc
        raise SourceUnreachable(f"{host} cannot be reached.") from exc
    except httpcore.TimeoutException as exc:
        raise SourceUnreachable(f"{host} was too slow.") from exc
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as exc:
        raise SourceUnreachable(f"The connection to {host} broke.") from exc
