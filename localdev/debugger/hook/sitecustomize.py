"""Python imports this by itself in every process that has its folder on PYTHONPATH: here, those of the functions.

What is deployed knows nothing of it. It does nothing but where `make up DEBUG=1` asks for it.
"""

import os
import sys

if os.environ.get("DEBUGGER_PORTS"):
    import attachable

    if os.environ.get("FUNCTION_TARGET") and any("functions-framework" in part for part in sys.orig_argv[:2]):
        attachable.accept_in_workers(os.environ["FUNCTION_TARGET"])
    elif os.environ.get("ADMIN_PORT"):
        attachable.declare_without_limits()
