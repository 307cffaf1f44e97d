"""The page on the Hosting emulator: firebase.json's `hosting`, and what differs in one run of the stack.

- `public` is the folder with the built page; requests that firebase.json sends to a function go to the run's region.
- The Firebase SDK in the page learns of the emulators through its own mechanism, the cookie __FIREBASE_DEFAULTS__
  (https://github.com/firebase/firebase-js-sdk, packages/util/src/defaults.ts), which a header sets. So the page itself
  need not know that it runs locally.
- The Content-Security-Policy lets the page reach this run's servers, too.
"""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localdev.stack.emulators import PROJECT_ID
from localdev.stack.endpoints import Endpoints
from localdev.stack.errors import StackError

COOKIE = "__FIREBASE_DEFAULTS__"
CSP = "Content-Security-Policy"


def local_hosting(
    config: Mapping[str, Any], project_root: Path, site: Path, urls: Endpoints, region: str
) -> dict[str, Any]:
    """`hosting` of firebase.json for this run. Raises StackError where it is missing, or the page is."""
    declared = config.get("hosting")
    if not isinstance(declared, Mapping):
        raise StackError("firebase.json has no `hosting`, or several sites: there is no page to serve.")
    if not (site / "index.html").is_file():
        raise StackError(f"{site / 'index.html'} is missing: build the page with `npm run build --prefix web`.")
    return {
        **{name: value for name, value in declared.items() if name not in ("predeploy", "postdeploy")},
        "site": PROJECT_ID,  # one that need not exist: demo- projects have none
        "public": os.path.relpath(site, project_root),
        "rewrites": [_in_region(rewrite, region) for rewrite in declared.get("rewrites", [])],
        "headers": [
            *(_widened(entry, urls) for entry in declared.get("headers", [])),
            {"source": "**", "headers": [{"key": "Set-Cookie", "value": f"{COOKIE}={defaults(urls)}; Path=/"}]},
        ],
    }


def defaults(urls: Endpoints) -> str:
    """What the cookie says: a project's configuration, as the Hosting emulator itself tells it, and the emulators."""
    told = {
        "config": {
            "projectId": PROJECT_ID,
            "apiKey": "fake-api-key",
            "authDomain": f"{PROJECT_ID}.firebaseapp.com",
            "storageBucket": urls.storage_bucket,
        },
        "emulatorHosts": {
            "auth": urls.auth,
            "firestore": urls.firestore,
            "storage": urls.storage_download_url.removeprefix("http://"),
        },
    }
    return base64.b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()


def widened_policy(policy: str, urls: Endpoints) -> str:
    """A Content-Security-Policy under which the page also reaches the servers of this run."""
    emulators = (f"http://{urls.auth}", f"http://{urls.firestore}")
    stores = (urls.storage_download_url, urls.r2_url)
    more = {
        "connect-src": (*emulators, *stores),
        "frame-src": emulators[:1],
        "img-src": stores,
        "media-src": stores,
    }
    directives = [directive.strip() for directive in policy.split(";")]
    return "; ".join(" ".join((directive, *more.get(directive.split(" ")[0], ()))) for directive in directives)


def _in_region(rewrite: Mapping[str, Any], region: str) -> dict[str, Any]:
    """A deploy finds out by itself where a function is; the emulator takes it for us-central1."""
    if "function" not in rewrite:
        return dict(rewrite)
    return {**rewrite, "function": {**rewrite["function"], "region": region}}


def _widened(entry: Mapping[str, Any], urls: Endpoints) -> dict[str, Any]:
    headers = [
        {**header, "value": widened_policy(header["value"], urls)} if header["key"] == CSP else header
        for header in entry["headers"]
    ]
    return {**entry, "headers": headers}
