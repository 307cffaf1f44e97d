"""What only the Google account knows: it is listed, with the commands, to be done by hand once."""

from collections.abc import Iterator

from operations.preflight.findings import Finding, unknown
from operations.preflight.project import Project
from pipeline.config import storage_backend

APIS = (
    "artifactregistry", "cloudbuild", "cloudfunctions", "cloudscheduler", "cloudtasks", "eventarc", "firebaserules",
    "firestore", "identitytoolkit", "pubsub", "run", "secretmanager", "storage",
)  # fmt: skip
ROLES = (
    "roles/datastore.user",
    "roles/cloudtasks.enqueuer",
    "roles/iam.serviceAccountUser",
    "roles/run.invoker",
    "roles/eventarc.eventReceiver",
)
"""Of the account that the functions run as."""


def check_account(project: Project) -> Iterator[Finding]:
    """docs/deploy.md says what each of them is for."""
    name = project.project_id
    yield unknown("The project is on the Blaze plan.", f"gcloud billing projects describe {name}")
    yield unknown("It has a Firestore database.", f"gcloud firestore databases list --project={name}")
    is_traced = project.settings.get("TRACING") == "on"
    apis = " ".join(f"{api}.googleapis.com" for api in (*APIS, *(["cloudtrace"] if is_traced else [])))
    yield unknown("Its APIs are enabled.", f"gcloud services enable {apis} --project={name}")
    roles = [*ROLES]
    if storage_backend(project.settings) == "firebase":
        roles.append("roles/storage.objectAdmin")
    if project.settings.get("API_CHECK_REVOKED") == "on":
        roles.append("roles/firebaseauth.viewer")
    if is_traced:
        roles.append("roles/cloudtrace.agent")
    yield unknown(
        f"The functions' service account has {', '.join(roles)}.",
        f"gcloud projects get-iam-policy {name} --flatten=bindings --filter=bindings.members:-compute@ "
        "--format='value(bindings.role)'",
    )
