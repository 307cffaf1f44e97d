"""A TCP proxy that makes a server on this machine answer as if it stood a round trip away.

    client ──> proxy ── half of the round trip ──> server
    client <── half of the round trip ── proxy <── server

Every piece of bytes is passed on that much after it came, in order, and as many at a time as come: what is slowed is
the distance, not the line. What is on its way lies in memory. Connections are accepted at once, as if they had been
open already, so a protocol that opens one for each request pays no more than one that keeps them.
"""

import asyncio
import threading
from collections import deque
from typing import Self, cast

from localdev.stack.ports import LOOPBACK
from localdev.stack.startable import Startable

ROUND_TRIP_SECONDS = 0.02

Piece = bytes | None
"""None is the end of the connection."""


class DelayLine:
    """What is on its way in one direction. Its times are any clock's, in seconds."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._underway: deque[tuple[float, Piece]] = deque()

    def put(self, piece: Piece, now: float) -> None:
        """It comes out a delay later."""
        self._underway.append((now + self._delay_seconds, piece))

    def take(self, now: float) -> list[Piece]:
        """All that has arrived, in the order in which it was put."""
        arrived = []
        while self._underway and self._underway[0][0] <= now:
            arrived.append(self._underway.popleft()[1])
        return arrived

    def next_arrival(self) -> float | None:
        """When there is something to take, None while nothing is on its way."""
        return self._underway[0][0] if self._underway else None


class FarServer(Startable):
    """Stands before the server on `port`, on a port of its own, between start() and stop(). One thread serves it."""

    def __init__(self, port: int, round_trip_seconds: float = ROUND_TRIP_SECONDS) -> None:
        self._target_port = port
        self._delay_seconds = round_trip_seconds / 2
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._ends: set[_End] = set()
        self._connecting: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("The proxy is not started.")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def address(self) -> str:
        """host:port"""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Accept connections from now on."""
        self._thread.start()
        listening = self._loop.create_server(self._accept, LOOPBACK, 0)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        return self

    def stop(self) -> None:
        """Close every connection; what is on its way is lost."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _accept(self) -> "_End":
        near, far = _End(self._ends, self._delay_seconds), _End(self._ends, self._delay_seconds)
        near.other, far.other = far, near
        task = self._loop.create_task(self._connect(near, far))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return near

    async def _connect(self, near: "_End", far: "_End") -> None:
        try:
            await self._loop.create_connection(lambda: far, LOOPBACK, self._target_port)
        except OSError:
            near.close()

    async def _close(self) -> None:
        await asyncio.sleep(0.01)  # asyncio makes the connection of whoever has just been accepted
        if self._server:
            self._server.close()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for end in list(self._ends):
            end.close()
        await asyncio.sleep(0.01)  # and closes them


class _End(asyncio.Protocol):
    """One of the two connections of a pair: what it receives goes out at the other, later; its end closes both."""

    def __init__(self, ends: "set[_End]", delay_seconds: float) -> None:
        self.other: _End
        self._ends = ends
        self._line = DelayLine(delay_seconds)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """At once, whatever is on its way."""
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ends.add(self)
        self.other.pass_on()  # what came before there was anywhere to pass it on to

    def data_received(self, data: bytes) -> None:
        self._put(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        self._ends.discard(self)
        self._put(None)

    def _put(self, piece: Piece) -> None:
        self._line.put(piece, self._loop.time())
        self._wait()

    def _wait(self) -> None:
        arrival = self._line.next_arrival()
        if arrival is not None and self._timer is None and self.other._transport is not None:
            self._timer = self._loop.call_at(arrival, self.pass_on)

    def pass_on(self) -> None:
        """Send what has arrived; come back for the rest."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if out := self.other._transport:
            for piece in self._line.take(self._loop.time()):
                if piece is None:
                    out.close()
                else:
                    out.write(piece)
        self._wait()
