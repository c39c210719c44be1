"""Conditional requests to S3: a file is written only if it is still what was read, or still not there.

Arrow's file system has none, so these go by boto3 (`pip install study[s3]`).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_MISSING = {"NoSuchKey", "404"}
_NOT_SUPPORTED = {"NotImplemented", "501"}


class Changed(Exception):
    """The file is not what was read."""


class NotSupported(Exception):
    """The store has no conditional requests."""


class Conditional:
    """One bucket. Files are named by their keys; a tag is what S3 calls ETag, None of a file that is not there.

    Args:
        location: a URI as Arrow reads it, `s3://KEY:SECRET@bucket/folder?region=...&endpoint_override=...`; without
            keys they are looked for where Amazon's tools look.

    Raises:
        ImportError: boto3 is not installed.
    """

    def __init__(self, location: str) -> None:
        import boto3
        from botocore.config import Config

        uri = urlsplit(location)
        options = {name: values[-1] for name, values in parse_qs(uri.query).items()}
        endpoint = options.get("endpoint_override")
        if endpoint and "://" not in endpoint:
            endpoint = f"{options.get('scheme', 'https')}://{endpoint}"
        user, _, host = uri.netloc.rpartition("@")
        key, _, secret = user.partition(":")
        session = boto3.session.Session(
            aws_access_key_id=unquote(key) or None, aws_secret_access_key=unquote(secret) or None
        )
        self._bucket = host
        self._client: Any = session.client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=options.get("region") or session.region_name or "us-east-1",
            config=Config(
                connect_timeout=10,
                read_timeout=30,
                retries={"total_max_attempts": 3},
                s3={"addressing_style": "path"} if endpoint else None,
                request_checksum_calculation="when_required",  # other makers' stores may not know them
                response_checksum_validation="when_required",
            ),
        )

    def get(self, key: str) -> tuple[bytes | None, str | None]:
        """What the file holds, and its tag; None and None if it is not there."""
        try:
            found = self._ask("get_object", key)
            return found["Body"].read(), found["ETag"]
        except FileNotFoundError:
            return None, None

    def put(self, key: str, data: bytes, tag: str | None) -> str | None:
        """Write the file if it still has this tag (None: if it is not there); returns its new one.

        Raises:
            Changed: it is another one by now.
            NotSupported: the store cannot tell.
        """
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            found: str | None = self._ask("put_object", key, Body=data, **condition)["ETag"]
        except FileNotFoundError:
            raise Changed from None
        return found

    def _ask(self, request: str, key: str, **options: Any) -> Any:
        """Raises OSError for what the network and the store may say."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, request)(Bucket=self._bucket, Key=key, **options)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _MISSING:
                raise FileNotFoundError(f"{self._bucket}/{key} is not there") from None
            if request == "put_object" and code in _CHANGED:
                raise Changed from None
            if request == "put_object" and code in _NOT_SUPPORTED:
                raise NotSupported from None
            raise OSError(f"{self._bucket}/{key}: {error}") from None
        except BotoCoreError as error:
            raise OSError(f"{self._bucket}/{key}: {error}") from None
