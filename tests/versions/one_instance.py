"""One instance of the functions, of whatever version of the code PYTHONPATH names.

It does what its standard input says, a line of JSON each, and answers each with a line. Of the code it uses little but
`pipeline.wiring`, which all versions have.
"""

import json
import os
import sys

from pipeline.domain.jobs import JobKind
from pipeline.handlers.run_job import DeliverAgain
from pipeline.wiring import Instance

ANSWER = "ANSWER "

instance = Instance(os.environ)
print(f"{ANSWER}ready", flush=True)
for line in sys.stdin:
    call = json.loads(line)
    try:
        match call["do"]:
            case "created":
                instance.run_created_job(JobKind(call["kind"]), call["job_id"], call["seconds"])
            case "task":
                instance.run_task(call["data"], call["seconds"])
            case "sweep":
                instance.sweep(call["seconds"])
        print(f"{ANSWER}done", flush=True)
    except DeliverAgain:
        print(f"{ANSWER}again", flush=True)
    except Exception as error:  # noqa: BLE001  as the platform: told, and the instance lives on
        print(f"{ANSWER}failed {type(error).__name__}", flush=True)
