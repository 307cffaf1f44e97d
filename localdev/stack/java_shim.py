"""Become java, with the address in `--functions_emulator ADDRESS` replaced: java_shim.py JAVA ADDRESS ARGUMENT...

firebase-tools starts java in a session of its own; where the system can (Linux), java is made to end with it all the
same. Standard library only, run with `-I -S`: it adds some 20 ms.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def redirected(arguments: Sequence[str], events_to: str) -> list[str]:
    """The arguments, with what follows `--functions_emulator` replaced."""
    return [
        events_to if before == "--functions_emulator" else argument
        for before, argument in zip(["", *arguments], arguments, strict=False)
    ]


if __name__ == "__main__":
    java, address = sys.argv[1:3]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    os.execv(java, [java, *redirected(sys.argv[3:], address)])  # noqa: S606 - becoming java is the point
