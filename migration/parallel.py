"""Many videos at once, a few of them in memory."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from operations.waiting import Stop

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def for_each(
    items: Iterable[Item],
    work: Callable[[Item], Outcome],
    done: Callable[[Outcome], None],
    *,
    threads: int,
    stop: Stop,
) -> None:
    """Call `work` in `threads`, and `done` with each outcome in the caller's thread.

    No more items are taken than are worked on or come next. When anything raises here (Ctrl-C does), the threads are
    asked to stop and waited for.
    """
    running: set[Future[Outcome]] = set()

    def collect() -> None:
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for one in finished:
            running.discard(one)
            done(one.result())

    with ThreadPoolExecutor(threads, thread_name_prefix="migration") as pool:
        try:
            for item in items:
                running.add(pool.submit(work, item))
                while len(running) >= 2 * threads:
                    collect()
            while running:
                collect()
        except BaseException:
            stop.ask()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
