"""A network that remembers who was to be dialled, and leads every connection to one local port."""

import socket
from collections.abc import Mapping, Sequence

import httpcore

from pipeline.domain.errors import SourceUnreachable


class WatchedNetwork(httpcore.NetworkBackend):
    """For a Downloader. Without a port, nobody may be dialled."""

    def __init__(self, port: int | None = None) -> None:
        self._port = port
        self.dialled: list[tuple[str, int]] = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.dialled.append((host, port))
        if self._port is None:
            raise AssertionError(f"{host} was dialled")
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self._port, timeout)


class TableResolver:
    """Answers names from a table, each time with the next list, the last one for ever; numeric hosts as the system's
    resolver does, for any spelling of inet_aton. Nothing is asked of a real name server.
    """

    def __init__(self, table: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._table = {host: list(answers) for host, answers in table.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host in self._table:
            answers = self._table[host]
            return answers.pop(0) if len(answers) > 1 else answers[0]
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except (OSError, UnicodeError) as error:
            raise SourceUnreachable(f"The host {host} could not be found.") from error
        return [str(answer[4][0]) for answer in found]
