"""`python -m localdev.stub_replicate --port 8099`: the stub alone. REPLICATE_BASE_URL=http://127.0.0.1:8099 uses it."""

import argparse
import threading

from localdev.stub_replicate.server import StubReplicate

parser = argparse.ArgumentParser(prog="python -m localdev.stub_replicate", description=__doc__)
parser.add_argument("--port", type=int, default=8099)
parser.add_argument("--image-seconds", type=float, default=1.0)
parser.add_argument("--video-seconds", type=float, default=3.0)
options = parser.parse_args()
stub = StubReplicate(options.port, image_seconds=options.image_seconds, video_seconds=options.video_seconds).start()
print(stub.base_url, stub.webhooks.secret, flush=True)
threading.Event().wait()
