"""A store that remembers what it was asked for, and may fail at any of it."""

from collections.abc import Callable
from typing import Any

from pipeline.adapters.object_storage import ObjectStorage


class WatchedStorage:
    """Another store, with `before` called ahead of each call: with the method's name and its key or prefix."""

    def __init__(self, storage: ObjectStorage, before: Callable[[str, str], None] = lambda *_: None) -> None:
        self._storage = storage
        self._before = before
        self.calls: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        def call(key: Any, *arguments: Any, **named: Any) -> Any:
            self.calls.append((name, str(key)))
            self._before(name, str(key))
            return getattr(self._storage, name)(key, *arguments, **named)

        return call

    def named(self, name: str) -> list[str]:
        """The keys that a method was called with."""
        return [key for called, key in self.calls if called == name]


def refuse_everything(name: str, key: str) -> None:
    """For who must not touch storage at all."""
    raise AssertionError(f"{name} of {key}")
