"""Which TCP ports of the loopback interface the parts of the stack listen on."""

import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def choose_ports(names: Iterable[str], preferred: Mapping[str, int] | None = None) -> dict[str, int]:
    """Give every name a free port of its own: the preferred one where nothing listens on it, else any.

    All ports are held while choosing, so that no two names get the same one. They are let go on return: another
    program may still take one before the part that it was meant for does, which then fails and says so.
    """
    wanted = preferred or {}
    with ExitStack() as held:
        ports: dict[str, int] = {}
        for name in names:
            ports[name] = _hold(held, wanted.get(name, 0)) or _hold(held, 0)
        return ports


def is_listening(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections there now."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _hold(held: ExitStack, port: int) -> int:
    """Bind a socket until `held` closes; 0 when the port is taken."""
    listener = held.enter_context(socket.socket())
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        return 0
    return int(listener.getsockname()[1])
