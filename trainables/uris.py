"""URIs without what is secret in them: they are written down and shown, keys are not."""

from __future__ import annotations

import re

# A path of a file makes one slash of two.
_KEYS = re.compile(r"(\b\w{2,}:/{1,2})(?:[^\s/@:?]+:[^\s@]*|[^\s/@?]*)@")
_QUERY = re.compile(r"(?<=\S)\?[\w%.-]+=[^\s'\"]*")
_SHOWN = {
    "region",
    "scheme",
    "endpoint_override",
    "allow_bucket_creation",
    "allow_bucket_deletion",
    "allow_delayed_open",
}


def without_secrets(text: str) -> str:
    """The text, URIs in it without the keys before the host and without parameters that may be keys."""
    text = _KEYS.sub(r"\1", text)
    return _QUERY.sub(lambda query: _harmless(query[0]), text)


def _harmless(query: str) -> str:
    kept = [option for option in query[1:].split("&") if option.partition("=")[0] in _SHOWN and "@" not in option]
    return f"?{'&'.join(kept)}" if kept else ""
