"""The name of the KafkaTopic of a topic: the topic's own where Kubernetes allows it.

Others are made as Strimzi's earlier Topic Operator made them: what is not allowed is left out, and a hash follows.
"""

import hashlib
import re

NAME_MAX = 253
_SEPARATOR = "---"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LEGAL = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_HASHED = re.compile(r"---[0-9a-f]{40}$")
_UNPAIRED = re.compile(r"[-.]*\.[-.]*")


def resource_name(topic: str) -> str:
    """A legal name for a resource of Kubernetes: always the same for a topic, and never that of another topic.

    A topic that is called like the hashed name of another one gets a hash, too.
    """
    if _LEGAL.fullmatch(topic) and not _HASHED.search(topic):
        return topic
    digest = hashlib.sha1(topic.encode(), usedforsecurity=False).hexdigest()
    readable = _UNPAIRED.sub(".", topic.lower().replace("_", "-")).strip("-.")
    readable = readable[: NAME_MAX - len(_SEPARATOR) - len(digest)].rstrip("-.")
    return f"{readable or 'topic'}{_SEPARATOR}{digest}"
