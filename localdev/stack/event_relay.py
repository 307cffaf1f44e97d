"""Delivers the Firestore emulator's events as production does: in parallel, at least once, in no order.

The emulator by itself delivers one event after another over all functions, gives up after 20 seconds and forgets a
failure. The relay stands between it and the functions emulator: it acknowledges at once, delivers each event in a
thread of its own, and repeats what fails with the same ce-id. What else may happen to an event is a DeliveryPolicy,
which can be replaced at any time:

    GET  /_relay/deliveries       the log: [{id, document, function, attempt, status, started_at, seconds}]
    GET  /_relay/policy           the policy
    PUT  /_relay/policy           {"duplicate_rate": 1}: replace some settings
    POST /_relay/redeliver/<id>   deliver a recent event once more, now
"""

import http.client
import json
import threading
import time
from functools import partial
from typing import Self

from localdev.stack.delivery import Delivery, DeliveryLog, DeliveryPolicy, Event
from localdev.stack.loopback import Exchange, LoopbackServer

FORWARDED_HEADERS = ("content-type", "traceparent")


class EventRelay(LoopbackServer):
    """A relay to `target` ("host:port", the functions emulator). The Firestore emulator posts to its address."""

    def __init__(self, target: str, *, port: int = 0, policy: DeliveryPolicy | None = None) -> None:
        super().__init__(partial(_RelayExchange, self), port)
        self._target = target
        self._policy = policy or DeliveryPolicy()
        self._log = DeliveryLog()
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._in_flight: dict[str, int] = {}
        self._pending = 0

    @property
    def policy(self) -> DeliveryPolicy:
        return self._policy

    @policy.setter
    def policy(self, policy: DeliveryPolicy) -> None:
        """Holds for events that come from now on; an event keeps the policy it came under."""
        self._policy = policy

    def start(self) -> Self:
        self._stopping.clear()
        return super().start()

    def stop(self) -> None:
        """Take no more events; what waits or is repeated is given up, what is being handled is left to its handler."""
        self._stopping.set()
        super().stop()

    def deliveries(self) -> list[Delivery]:
        """The log, oldest first; an attempt is in it once it has ended."""
        return self._log.deliveries()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Wait until every event that came has been delivered, dropped or given up."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0, timeout_seconds)

    def accept(self, event: Event) -> None:
        """Take an event over from the emulator; returns at once."""
        policy = self._policy
        self._log.remember(event)
        delays = policy.fate(event.document, event.function)
        if not delays:
            self._record(event, 0, "dropped", time.time())
        for delay in delays:
            self._deliver_later(event, policy, delay)

    def redeliver(self, event_id: str) -> bool:
        """Deliver a recent event once more; False when it is not known (any more)."""
        event = self._log.event(event_id)
        if event is None:
            return False
        self._deliver_later(event, self._policy, 0.0)
        return True

    def _deliver_later(self, event: Event, policy: DeliveryPolicy, delay: float) -> None:
        with self._changed:
            self._pending += 1
        threading.Thread(target=self._deliver, args=(event, policy, delay), daemon=True).start()

    def _deliver(self, event: Event, policy: DeliveryPolicy, delay: float) -> None:
        try:
            for attempt in range(1, policy.max_attempts + 1):
                if self._stopping.wait(delay) or self._attempt(event, policy, attempt):
                    return
                delay = policy.backoff_before(attempt + 1)
        finally:
            with self._changed:
                self._pending -= 1
                self._changed.notify_all()

    def _attempt(self, event: Event, policy: DeliveryPolicy, attempt: int) -> bool:
        self._enter(event.function, policy.max_in_flight)
        started_at = time.time()
        try:
            status: int | str = self._post(event, policy.deadline_seconds)
        except (OSError, http.client.HTTPException) as error:
            status = f"{type(error).__name__}: {error}"
        finally:
            self._leave(event.function)
        self._record(event, attempt, status, started_at)
        return isinstance(status, int) and 200 <= status < 300

    def _post(self, event: Event, timeout_seconds: float) -> int:
        connection = http.client.HTTPConnection(self._target, timeout=timeout_seconds)
        try:
            connection.request("POST", event.path, event.body, dict(event.headers))
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def _enter(self, function: str, limit: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._in_flight.get(function, 0) < limit)
            self._in_flight[function] = self._in_flight.get(function, 0) + 1

    def _leave(self, function: str) -> None:
        with self._changed:
            self._in_flight[function] -= 1
            self._changed.notify_all()

    def _record(self, event: Event, attempt: int, status: int | str, started_at: float) -> None:
        self._log.record(
            Delivery(event.id, event.document, event.function, attempt, status, started_at, time.time() - started_at)
        )

    def log_as_json(self) -> object:
        """What GET /_relay/deliveries answers."""
        return self._log.as_json()


class _RelayExchange(Exchange):
    """The emulator's events, and the control endpoints."""

    def __init__(self, relay: EventRelay, *args: object) -> None:
        self._relay = relay
        super().__init__(*args)  # type: ignore[arg-type]  # the three that the server passes on

    def do_GET(self) -> None:
        if self.path == "/_relay/deliveries":
            self.answer_json(self._relay.log_as_json())
        elif self.path == "/_relay/policy":
            self.answer_json(vars(self._relay.policy))
        else:
            self.answer(404)

    def do_PUT(self) -> None:
        settings = self.body()
        if self.path != "/_relay/policy":
            self.answer(404)
            return
        try:
            self._relay.policy = self._relay.policy.changed(json.loads(settings))
        except (ValueError, AttributeError) as error:
            self.answer_json({"error": str(error)}, 400)
        else:
            self.answer_json(vars(self._relay.policy))

    def do_POST(self) -> None:
        body = self.body()
        if self.path.startswith("/_relay/redeliver/"):
            found = self._relay.redeliver(self.path.removeprefix("/_relay/redeliver/"))
            self.answer(202 if found else 404)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        forwarded = {
            name: value for name, value in headers.items() if name.startswith("ce-") or name in FORWARDED_HEADERS
        }
        self._relay.accept(Event(self.path, forwarded, body))
        self.answer(200)
