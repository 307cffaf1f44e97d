"""What goes on beside the jobs: the sweeper's schedule, writers that contend for the job documents."""

import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import firestore

from localdev.chaos.watch import TOUCHED, Watch


class Loop:
    """Does something again and again until it is stopped."""

    def __init__(self, work: Callable[[], object], every_seconds: float) -> None:
        self._work = work
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            self._work()


class Sweeps:
    """Calls the sweeper, as its schedule does in production. `answers` counts HTTP statuses and failures."""

    def __init__(self, functions_url: str) -> None:
        self.answers: Counter[str] = Counter()
        self._url = f"{functions_url}/sweep_jobs_now"

    def sweep(self) -> None:
        request = urllib.request.Request(self._url, b"{}", {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                self.answers[str(response.status)] += 1
        except urllib.error.HTTPError as error:
            error.close()
            self.answers[str(error.code)] += 1
        except OSError as error:
            self.answers[type(error).__name__] += 1


class Contention:
    """Writes to the documents of jobs that run: an unrelated field, with an administrator's rights."""

    def __init__(self, client: firestore.Client, watch: Watch, seed: int) -> None:
        self.writes = 0
        self.refused = 0
        self._client = client
        self._watch = watch
        self._dice = random.Random(f"{seed}/contention")  # noqa: S311 - repeatable on purpose

    def touch(self) -> None:
        """One write to one job."""
        paths = self._watch.open_paths()
        if not paths:
            return
        try:
            self._client.document(self._dice.choice(sorted(paths))).update({TOUCHED: time.time()})
            self.writes += 1
        except GoogleAPICallError:
            self.refused += 1
