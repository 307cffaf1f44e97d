"""One run of the smoke test: what is free first, then the jobs, then what they have left behind.

sign in ── rules, doors ── storyboard ── price ── picture ──> clips ──> film ── results, usage ── clean up
   │              │              │          │         │
   └ nothing more └ goes on      └──────────┴─────────┴ nothing more that needs it; is told as `not tried`
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from google.api_core.exceptions import PermissionDenied
from google.api_core.retry import Retry

from operations.frontend import TERMINAL, Frontend
from operations.staging import smoke_checks as checks
from operations.staging import smoke_orders as orders
from operations.staging.findings import Finding, Wrong
from operations.staging.smoke_target import Target
from operations.staging.smoke_troubles import EXPECTED, sentence, untouched, why
from pipeline.domain.jobs import JobKind

REACH_SECONDS = 15.0
"""For the first answer of Firestore: the SDK's own patience is minutes."""

Job = dict[str, Any]


class Declined(Exception):
    """Somebody, or a limit, said no before anything was paid."""


@dataclass
class SmokeRun:
    """What a run was asked, and what it has found so far."""

    target: Target
    text: str  # of the scenes
    job_seconds: float  # the longest that one job may take
    agree: Callable[[float], None]  # is told the price in US dollars; raises Declined
    say: Callable[[str], None]
    keep: bool = False  # what was made is not deleted
    findings: list[Finding] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)  # by path; as they were when they ended
    user_id: str = ""
    estimated_usd: float | None = None
    _begun: list[tuple[str, str]] = field(default_factory=list)  # (collection, job id)
    _untried: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Fills `findings`. Raises Declined."""
        self._untried = list(CHECKS)
        try:
            with self._frontend() as frontend:
                self._test(frontend)
        except _Stop:
            pass
        finally:
            done = {finding.check for finding in self.findings}
            self.findings += [
                Finding(name, "not tried", "what it needs is missing") for name in self._untried if name not in done
            ]

    @contextmanager
    def _frontend(self) -> Iterator[Frontend]:
        with self._check("sign in", needed=True) as found:
            user = self.target.signed_in()
            found.says = f"{self.target.email} is {user.user_id}"
        self.user_id = user.user_id
        frontend = Frontend(self.target.project, user)
        try:
            yield frontend
        finally:
            frontend.firestore.close()  # type: ignore[no-untyped-call]

    def _test(self, frontend: Frontend) -> None:
        with self._check("reach Firestore", needed=True) as found:
            found.says = _reach(frontend, self.target.project)
        with self._check("rules: reading") as found:
            found.says = checks.rules_refuse_strangers(frontend)
        with self._check("webhook's door") as found:
            found.says = checks.unsigned_webhook_is_refused(self.target)
        with self._check("API's door") as found:
            found.says = checks.api_without_token_is_refused(self.target)
        board = self._write_board(frontend)
        try:
            with self._check("indexes") as found:
                found.says = checks.page_queries_are_answered(frontend, board)
            self._price(frontend, board)
            self._make(frontend, board)
        finally:
            with self._check("clean up") as found:
                found.says = self._clean_up(frontend, board)

    def _write_board(self, frontend: Frontend) -> orders.Board:
        with self._check("write a storyboard", needed=True) as found:
            board_id, scene_ids = frontend.create_storyboard("Smoke test", "", orders.scenes(self.text))
            found.says = f"storyboards/{board_id} with {len(scene_ids)} scenes"
        return orders.Board(board_id, (scene_ids[0], scene_ids[1]), self.text)

    def _price(self, frontend: Frontend, board: orders.Board) -> None:
        with self._check("dry runs: the price", needed=True) as found:
            with ThreadPoolExecutor() as pool:
                kinds, times, fields = zip(*orders.priced(board), strict=True)
                dry = list(pool.map(lambda kind, order: self._one(frontend, kind, order), kinds, fields))
            price = round(sum(n * job["estimated_cost_usd"] for n, job in zip(times, dry, strict=True)), 6)
            exceeded = [job["would_exceed"]["message"] for job in dry if job.get("would_exceed")]
            if exceeded:
                raise Wrong(f"The jobs would be refused: {exceeded[0]}")
            found.says = f"at most ${price:.3f}"
        self.estimated_usd = price
        self.agree(price)

    def _make(self, frontend: Frontend, board: orders.Board) -> None:
        days = checks.usage_days(datetime.now(UTC))
        before = checks.used(frontend, days)
        canceled = self._cancel(frontend, board)
        with self._check("rules: writing") as found:
            found.says = checks.rules_refuse_forgery(frontend, board, canceled or f"{JobKind.IMAGE.collection}/none")
        with self._check("image job", needed=True) as found:
            image = self._one(frontend, JobKind.IMAGE, orders.picture(board), found)
            found.says = checks.picture_is_there(image)
        clips = self._clips(frontend, board, image["image_url"])
        with self._check("scenes") as found:
            found.says = checks.scenes_show_results(frontend, board)
        with self._check("composition job", needed=True) as found:
            order = orders.film(board, [clip["video_url"] for clip in clips])
            film = self._one(frontend, JobKind.COMPOSITION, order, found)
            found.says = checks.film_is_there(film, [clip["duration"] for clip in clips])
        with self._check("API: the video") as found:
            found.says = checks.api_lists_video(frontend, self.target, film["video_id"], len(clips))
        with self._check("usage") as found:
            counted = [job for job in self.jobs.values() if job.get("usage_day")]  # canceled in time, it is not
            found.says = checks.usage_is_counted(before, checks.used(frontend, days), counted)

    def _clips(self, frontend: Frontend, board: orders.Board, image_url: str) -> list[Job]:
        """Both kinds at the same time. Raises _Stop when one of them failed: there is nothing to compose."""

        def alone() -> Job | None:
            with self._check("video job") as found:
                job = self._one(frontend, JobKind.VIDEO, orders.clip(board, image_url), found)
                found.says = checks.clip_is_there(job, frontend)
                return job
            return None

        def together() -> Job | None:
            with self._check("multi-video job") as found:
                job = self._one(frontend, JobKind.MULTI_VIDEO, orders.clips(board, image_url), found)
                found.says = checks.clip_is_there(job["clips"][0], frontend)
                first: Job = job["clips"][0]
                return first
            return None

        with ThreadPoolExecutor(2) as pool:
            try:
                made = [future.result() for future in (pool.submit(alone), pool.submit(together))]
            except KeyboardInterrupt:
                self._call_off(frontend)  # or leaving the pool would wait for the jobs
                raise
        clips = [clip for clip in made if clip is not None]
        if len(clips) < len(made):
            raise _Stop
        return clips

    def _cancel(self, frontend: Frontend, board: orders.Board) -> str | None:
        """A job that is canceled as soon as it is written. Returns its path."""
        path = None
        with self._check("cancel a job") as found:
            collection = JobKind.IMAGE.collection
            job_id = frontend.create_job(collection, orders.picture(board))
            self._begun.append((collection, job_id))
            path = f"{collection}/{job_id}"
            frontend.cancel_job(collection, job_id)
            job = self._watch(frontend, collection, job_id)
            found.cost_usd = job.get("cost_usd") or 0.0
            if job["status"] != "canceled":
                raise Wrong(f"{path} is {job['status']}, though it was canceled at once{why(job)}.")
            found.says = f"{path} is canceled"
        return path

    def _one(self, frontend: Frontend, kind: JobKind, fields: Mapping[str, Any], found: "_Found | None" = None) -> Job:
        """One job from beginning to end. Raises Wrong unless it is complete."""
        job_id = frontend.create_job(kind.collection, fields)
        self._begun.append((kind.collection, job_id))
        job = self._watch(frontend, kind.collection, job_id)
        if found is not None:
            found.cost_usd = job.get("cost_usd") or 0.0
        if job["status"] != "complete":
            raise Wrong(f"{kind.collection}/{job_id} ended as {job['status']}{why(job)}.")
        return job

    def _watch(self, frontend: Frontend, collection: str, job_id: str) -> Job:
        path, began, last = f"{collection}/{job_id}", time.monotonic(), ""

        def show(job: Mapping[str, Any]) -> None:
            nonlocal last
            now = f"{job.get('status')} {job.get('stage') or ''} {job.get('progress_percent') or 0} %"
            if now != last:
                last = now
                self.say(f"  {time.monotonic() - began:6.1f} s  {path}  {now}")

        try:
            job = frontend.watch_job(collection, job_id, self.job_seconds, show)
        except TimeoutError as error:
            job = frontend.get(path)
            if job.get("status") in TERMINAL:
                raise Wrong(f"{path} is {job['status']}, but whoever listens to it was not told.") from error
            raise Wrong(
                f"{path} is still {job.get('status')} (stage {job.get('stage') or 'none'}, "
                f"{job.get('progress_percent') or 0} %) after {self.job_seconds:g} s{untouched(job)}."
            ) from error
        self.jobs[path] = job
        return job

    def _clean_up(self, frontend: Frontend, board: orders.Board) -> str:
        called_off = self._call_off(frontend)
        told = [f"canceled {called_off} jobs"] if called_off else []
        if self.keep:
            return "; ".join([*told, f"kept storyboards/{board.storyboard_id} and its files"])
        path = f"{self.target.functions_url}/api/videos/{board.storyboard_id}"
        token = {"Authorization": f"Bearer {frontend.user.id_token}"}
        status = httpx.delete(path, headers=token, timeout=checks.HTTP_SECONDS).status_code
        for document in (f"storyboards/{board.storyboard_id}", *(f"scenes/{one}" for one in board.scene_ids)):
            frontend.firestore.document(document).delete()
        told.append("deleted the storyboard and its scenes")
        if status not in (204, 404):
            busy = " (its jobs still run: delete it later)" if status == 409 else ""
            raise Wrong(f"{'; '.join(told)}; but DELETE /api/videos/{board.storyboard_id} answered {status}{busy}.")
        return "; ".join([*told, "and the video with its files"] if status == 204 else told)

    def _call_off(self, frontend: Frontend) -> int:
        """Cancel what is not known to have ended. Returns how many jobs."""
        running = [one for one in self._begun if "/".join(one) not in self.jobs]
        for collection, job_id in running:
            frontend.cancel_job(collection, job_id)
        return len(running)

    @contextmanager
    def _check(self, name: str, *, needed: bool = False) -> Iterator["_Found"]:
        """Record how it went. What is `needed` stops the run when it fails."""
        found, began = _Found(), time.monotonic()
        try:
            yield found
        except EXPECTED as error:
            self._record(name, "wrong", sentence(error), began, found)
            if needed:
                raise _Stop from error
        else:
            self._record(name, "well", found.says, began, found)

    def _record(self, name: str, outcome: Any, says: str, began: float, found: "_Found") -> None:
        self.findings.append(Finding(name, outcome, says, round(time.monotonic() - began, 2), found.cost_usd))
        self.say(f"{name}: {outcome}; {says}")


CHECKS = (
    "sign in",
    "reach Firestore",
    "rules: reading",
    "webhook's door",
    "API's door",
    "write a storyboard",
    "indexes",
    "dry runs: the price",
    "cancel a job",
    "rules: writing",
    "image job",
    "video job",
    "multi-video job",
    "scenes",
    "composition job",
    "API: the video",
    "usage",
    "clean up",
)
"""All that a whole run tries."""


class _Stop(Exception):
    """What the rest needs is missing."""


@dataclass
class _Found:
    """What a check tells while it runs."""

    says: str = ""
    cost_usd: float = 0.0


def _reach(frontend: Frontend, project: str) -> str:
    """Whether Firestore answers at all: with a no, for there is nothing at that path for this user."""
    with suppress(PermissionDenied):
        frontend.firestore.document("storyboards/smoke-test-reach").get(
            retry=Retry(timeout=REACH_SECONDS), timeout=REACH_SECONDS
        )
    return f"the database of {project} answers"
