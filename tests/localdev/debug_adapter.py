"""A debugger's side of the Debug Adapter Protocol, as small as a test needs it.

Source: https://microsoft.github.io/debug-adapter-protocol/specification
"""

import json
import socket
from typing import Any, Self


class DebugClient:
    """Talks to debugpy's adapter. Requests are answered in any order, and events come in between."""

    def __init__(self, address: tuple[str, int], timeout_seconds: float = 30.0) -> None:
        self._socket = socket.create_connection(address, timeout=timeout_seconds)
        self._stream = self._socket.makefile("rb")
        self._sent = 0
        self._messages: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, command: str, **arguments: Any) -> int:
        """Ask without waiting. Returns the number that the answer will bear."""
        self._sent += 1
        message = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        content = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        return self._sent

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The body of the answer. Raises AssertionError for a refusal."""
        return self.answer_to(self.send(command, **arguments))

    def answer_to(self, number: int) -> dict[str, Any]:
        answer = self._wait(lambda message: message.get("request_seq") == number)
        assert answer["success"], answer
        return answer.get("body") or {}

    def event(self, name: str) -> dict[str, Any]:
        """The body of the next event of that name."""
        return self._wait(lambda message: message.get("event") == name).get("body") or {}

    def _wait(self, is_wanted: Any) -> dict[str, Any]:
        while True:
            for place, message in enumerate(self._messages):
                if is_wanted(message):
                    return self._messages.pop(place)
            self._messages.append(self._read())

    def _read(self) -> dict[str, Any]:
        length = 0
        while (line := self._stream.readline().strip()) or not length:
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            assert line or length, "the adapter has hung up"
        return json.loads(self._stream.read(length))
