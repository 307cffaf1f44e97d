"""A stack that runs for somebody at a terminal."""

import signal
from collections.abc import Callable

from rich.console import Console

from localdev.stack.errors import StackError
from localdev.stack.stack import LocalStack


def run_until_ctrl_c(stack: LocalStack, console: Console, tell: Callable[[], None]) -> int:
    """Start the stack, tell what there is to know, wait. Exit status: 0 after Ctrl-C or SIGTERM, 1 without a start."""
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    signal.signal(signal.SIGHUP, _as_ctrl_c)
    try:
        with stack:
            tell()
            while True:
                signal.pause()
    except StackError as error:
        console.print(str(error), style="red", highlight=False, markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 0


def _as_ctrl_c(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
