"""Threads that know for whom they work: what they log, and the spans they begin, belong to whoever called them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_Result = TypeVar("_Result")


class Threads(ThreadPoolExecutor):
    """A pool whose work runs in a copy of its caller's context, `map` included."""

    def submit(self, fn: Callable[_P, _Result], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_Result]":
        return super().submit(copy_context().run, partial(fn, *args, **kwargs))
