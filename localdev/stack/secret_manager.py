"""The one call of Google's Secret Manager that the functions emulator makes: reading a secret's value.

For each declared secret that functions/.secret.local does not hold, the emulator asks Secret Manager whenever it
starts a Python process, which fails offline. CLOUD_SECRET_MANAGER_URL points it here instead, where the answers are
the stack's own values; so no file with secrets is written. The base URL holds a random part: other users of the
machine can reach the port and must not read a real token.
"""

import base64
import re
import secrets
from collections.abc import Mapping
from functools import partial

from localdev.stack.loopback import Exchange, LoopbackServer


class SecretManager(LoopbackServer):
    """Answers GET <base_url>/v1/projects/P/secrets/NAME/versions/V:access from `values`."""

    def __init__(self, values: Mapping[str, str], port: int = 0) -> None:
        self._prefix = f"/{secrets.token_urlsafe(24)}"
        super().__init__(partial(_SecretExchange, values, self._prefix), port)

    @property
    def base_url(self) -> str:
        return super().base_url + self._prefix


class _SecretExchange(Exchange):
    def __init__(self, values: Mapping[str, str], prefix: str, *args: object) -> None:
        self._values = values
        self._path = re.compile(re.escape(prefix) + r"/v1\w*/projects/[^/]+/secrets/([^/]+)/versions/[^/:]+:access")
        super().__init__(*args)  # type: ignore[arg-type]  # the three that the server passes on

    def do_GET(self) -> None:
        asked = self._path.fullmatch(self.path)
        value = self._values.get(asked.group(1)) if asked else None
        if value is None:
            self.answer_json({"error": {"code": 404, "message": "no such secret here", "status": "NOT_FOUND"}}, 404)
        else:
            self.answer_json({"payload": {"data": base64.b64encode(value.encode()).decode()}})
