"""Ray's job server, which listens beside a cluster's dashboard: studies handed to it, watched and stopped.

A job's driver runs on the cluster. Whoever submitted it may go: what there is to know is with the server and in the
study directory.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainables.errors import StudyError

FINAL = ("SUCCEEDED", "FAILED", "STOPPED")

_STUDY = "study"
"""The entry of a job's metadata that names its study directory."""

_ID = re.compile(r"raysubmit_\w+")
_STOP_SECONDS = "30"
"""What a driver is given to write checkpoints in before it is killed; Ray's default is 3."""

_FOLLOW_SECONDS = 1.0


@dataclass(frozen=True)
class Job:
    """``directory``: of its study, without keys; empty for jobs of others. ``at``: seconds since 1970."""

    id: str
    status: str
    message: str
    directory: str
    at: float


class Jobs:
    """The job server at an address.

    The token is Ray's: RAY_AUTH_TOKEN, the file that RAY_AUTH_TOKEN_PATH names, or with RAY_AUTH_MODE=token the one in
    ~/.ray/auth_token. It is never an argument and never written down.

    Args:
        address: http://HOST:8265; if None RAY_API_SERVER_ADDRESS, as Ray's own `ray job` has it.

    Raises:
        StudyError: no address, one that is none of a job server, or the token is refused.
        ConnectionError: nothing answers there; here and in all methods.
    """

    def __init__(self, address: str | None = None) -> None:
        found = address or os.environ.get("RAY_API_SERVER_ADDRESS")
        if not found:
            raise StudyError("expected --address http://HEAD:8265 of the cluster's job server, but got none")
        if not found.startswith(("http://", "https://")):
            raise StudyError(f"--address: expected http://HEAD:8265, the cluster's job server, but got {found!r}")
        if find_spec("aiohttp") is None:
            raise StudyError("jobs need Ray's job client: pip install 'study[cluster]'")
        self.address = found.rstrip("/")
        from ray.job_submission import JobSubmissionClient

        logging.getLogger(f"{JobSubmissionClient.__mro__[1].__module__}").setLevel(logging.WARNING)
        with _told(self.address):
            self._client = JobSubmissionClient(self.address, headers=_headers())

    def submit(self, command: str, directory: str, environment: Mapping[str, Any]) -> str:
        """Hand a command over.

        Args:
            directory: of the study that it is about, to find the job by.
            environment: Ray's runtime environment: working_dir, pip, env_vars.

        Returns:
            The job's id.
        """
        variables = {"RAY_JOB_STOP_WAIT_TIME_S": _STOP_SECONDS, **environment.get("env_vars", {})}
        with _told(self.address):
            return str(
                self._client.submit_job(
                    entrypoint=command,
                    runtime_env={**environment, "env_vars": variables},
                    metadata={_STUDY: directory},
                )
            )

    def find(self, target: str) -> Job:
        """The job of this id, or the newest one of a study directory. Raises StudyError: there is none."""
        if is_job(target):
            with _told(self.address):
                return _job(self._client.get_job_info(target))
        with _told(self.address):
            jobs = [_job(details) for details in self._client.list_jobs()]
        of_it = [job for job in jobs if job.directory and job.directory.rstrip("/") == target.rstrip("/")]
        if not of_it:
            known = ", ".join(sorted({job.directory for job in jobs if job.directory})) or "none of a study"
            raise StudyError(f"expected a job of {target} at {self.address}, but it has jobs of {known}")
        return max(of_it, key=lambda job: job.at)

    def output(self, job: str) -> str:
        """What it has printed so far."""
        with _told(self.address):
            return str(self._client.get_job_logs(job))

    def follow(self, job: str) -> Iterator[str]:
        """What it prints, piece by piece, until it has ended. Whoever stops listening changes nothing for the job."""
        shown = 0
        while True:
            over = self.find(job).status in FINAL  # asked first: what it printed last is read after that
            text = self.output(job)
            yield text[shown:]
            shown = len(text)
            if over:
                return
            time.sleep(_FOLLOW_SECONDS)

    def stop(self, job: str) -> bool:
        """Ask it to end as Ctrl-C does; whether it was running."""
        with _told(self.address):
            return bool(self._client.stop_job(job))


def is_job(target: str) -> bool:
    """Whether this is a job's id rather than a study directory."""
    return _ID.fullmatch(target) is not None


def _job(details: Any) -> Job:
    return Job(
        id=details.submission_id or details.job_id or "",
        status=str(details.status),
        message=details.message or "",
        directory=(details.metadata or {}).get(_STUDY, ""),
        at=(details.start_time or 0) / 1000,
    )


def _headers() -> dict[str, str] | None:
    mode = os.environ.get("RAY_AUTH_MODE", "")
    if mode == "disabled":
        return None
    token, file = os.environ.get("RAY_AUTH_TOKEN"), os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(file).expanduser() if file else Path.home() / ".ray" / "auth_token"
    if not token and (file or mode == "token"):
        try:
            token = path.read_text().strip()
        except OSError as error:
            raise StudyError(f"expected Ray's token in {path}, but reading it failed: {error.strerror}") from None
    return {"Authorization": f"Bearer {token}"} if token else None


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Ray's errors in our words: the user's, the world's."""
    from ray.exceptions import AuthenticationError
    from requests.exceptions import RequestException

    try:
        yield
    except StudyError:
        raise
    except AuthenticationError as error:
        raise StudyError(
            f"{address} wants its cluster's token: expected it in RAY_AUTH_TOKEN, or its file in RAY_AUTH_TOKEN_PATH "
            f"({_first_line(error)})"
        ) from None
    except (ConnectionError, RequestException) as error:
        raise ConnectionError(f"no job server answers at {address} ({_first_line(error)})") from None
    except (RuntimeError, ValueError) as error:
        raise StudyError(f"{address}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
