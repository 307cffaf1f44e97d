"""The network as a download sees it: checked addresses only, and an end to every patience.

A httpcore network backend, because that is where connections are made: the check cannot be walked around by a
redirect, a retry, or a name that answers differently the second time.
"""

import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

AddressesOf = Callable[[str, int], Sequence[str]]
"""(host, port) -> the numeric addresses that may be connected to; raises where there is none."""


class Deadline:
    """The end of one fetch, so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._at_seconds = time.monotonic() + seconds

    def bound(self, timeout: float | None) -> float:
        """The timeout in seconds, shortened to what is left. Raises httpcore.ReadTimeout when nothing is."""
        left = self._at_seconds - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for this download is over")
        return left if timeout is None else min(timeout, left)


class Allowance:
    """How many bytes may come that are not the file's: headers, answers before the answer, wraps of chunks."""

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes

    def take(self, size_bytes: int) -> None:
        """So many have come. Raises httpcore.RemoteProtocolError when they are too many."""
        self._left -= size_bytes
        if self._left < 0:
            raise httpcore.RemoteProtocolError("much was said, and little of it was the file")

    def give_back(self, size_bytes: int) -> None:
        """So many were the file's: a tenth as many may wrap what follows."""
        self._left += size_bytes + size_bytes // 10


class GuardedNetwork(httpcore.NetworkBackend):
    """Connects to checked addresses only, lets no operation outlive the deadline, and nobody talk without end."""

    def __init__(
        self, network: httpcore.NetworkBackend, addresses_of: AddressesOf, deadline: Deadline, allowance: Allowance
    ) -> None:
        self._network = network
        self._addresses_of = addresses_of
        self._deadline = deadline
        self._allowance = allowance

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in self._addresses_of(host, port):
            try:
                stream = self._network.connect_tcp(
                    address, port, self._deadline.bound(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
            else:
                return _BoundedStream(stream, self._deadline, self._allowance)
        raise failure or httpcore.ConnectError(f"no address of {host}")


class _BoundedStream(httpcore.NetworkStream):
    """A connection of which a server cannot keep hold by sending a byte now and then, or very many."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline, allowance: Allowance) -> None:
        self._stream = stream
        self._deadline = deadline
        self._allowance = allowance

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        came = self._stream.read(max_bytes, self._deadline.bound(timeout))
        self._allowance.take(len(came))
        return came

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.bound(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.bound(timeout))
        return _BoundedStream(secured, self._deadline, self._allowance)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
