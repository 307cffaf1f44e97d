"""What servers and stacks have in common: they run between start() and stop(), or as long as a `with` block."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Startable(ABC):
    """Something that is started and stopped."""

    @abstractmethod
    def start(self) -> Self:
        """Returns itself when it answers, and leaves nothing running where it raises."""

    @abstractmethod
    def stop(self) -> None:
        """End it, and all that it holds."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
