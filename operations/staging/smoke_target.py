"""Which deployment is tested, and as whom: a user of the project, who has no more rights than any other."""

from collections.abc import Mapping
from dataclasses import dataclass

from operations.deployment import Deployment
from operations.frontend import SignInService, User, local_user, sign_in
from pipeline.config import DEFAULT_REGION
from pipeline.domain.errors import ConfigurationError

LOCAL_EMAIL = "smoke@example.com"
NEEDED = {
    "SMOKE_EMAIL": "the e-mail address of a user of the project, made for this test",
    "SMOKE_PASSWORD": "that user's password",
    "FIREBASE_API_KEY": "the project's Web API key (Firebase console, Project settings)",
}


@dataclass(frozen=True)
class Target:
    """Where everything answers, and who asks."""

    alias: str
    project: str
    functions_url: str  # https functions are at <functions_url>/<name>
    service: SignInService
    email: str
    password: str  # "": of the emulator, where the user is made

    def signed_in(self) -> User:
        """Raises SignInFailed."""
        if not self.password:
            return local_user(self.service.emulator, self.email)
        return sign_in(self.service, self.email, self.password)


def target_of(deployment: Deployment, environment: Mapping[str, str]) -> Target:
    """The target that the environment names. Raises ConfigurationError with the settings that are missing."""
    emulator = deployment.environment.get("FIREBASE_AUTH_EMULATOR_HOST", "")
    missing = [name for name in NEEDED if not environment.get(name)]
    if emulator:
        email, password = environment.get("SMOKE_EMAIL", LOCAL_EMAIL), environment.get("SMOKE_PASSWORD", "")
    elif missing:
        raise ConfigurationError("Not set: " + "; ".join(f"{name}, {NEEDED[name]}" for name in missing) + ".")
    else:
        email, password = environment["SMOKE_EMAIL"], environment["SMOKE_PASSWORD"]
    return Target(
        alias=deployment.alias,
        project=deployment.project,
        functions_url=deployment.environment.get("FUNCTIONS_URL") or _functions_url(deployment),
        service=SignInService(environment.get("FIREBASE_API_KEY") or "local", emulator),
        email=email,
        password=password,
    )


def _functions_url(deployment: Deployment) -> str:
    region = deployment.environment.get("FUNCTIONS_REGION") or DEFAULT_REGION
    return f"https://{region}-{deployment.project}.cloudfunctions.net"
