"""`python -m localdev.stub_openai --port 8098`: the stub alone. OPENAI_BASE_URL=http://127.0.0.1:8098/v1 uses it."""

import argparse
import threading

from localdev.stub_openai.server import StubOpenAI

parser = argparse.ArgumentParser(prog="python -m localdev.stub_openai", description=__doc__)
parser.add_argument("--port", type=int, default=8098)
stub = StubOpenAI(parser.parse_args().port).start()
print(stub.base_url, flush=True)
threading.Event().wait()
