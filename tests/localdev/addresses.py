"""Where the parts of a stack answer that never runs."""

from localdev.stack.endpoints import Endpoints

URLS = Endpoints(
    firestore="127.0.0.1:8080",
    auth="127.0.0.1:9099",
    functions_url="http://127.0.0.1:5001/demo/us-central1",
    tasks="127.0.0.1:9499",
    hub_url="http://127.0.0.1:4400",
    relay_url="http://127.0.0.1:5002",
    r2_url="http://127.0.0.1:6001",
    r2_bucket="media",
    r2_public_base_url="http://127.0.0.1:6001/media",
    storage_url="http://127.0.0.1:6002",
    storage_bucket="demo-words-to-video.appspot.com",
    storage_download_url="http://127.0.0.1:6003",
    replicate_url="http://127.0.0.1:6004",
    openai_url="http://127.0.0.1:6005",
    studio_url="http://127.0.0.1:5000",
)
