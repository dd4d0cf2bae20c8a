"""The KafkaTopics of one namespace, at the API server. The only module that knows the client for it.

Each call blocks for an answer: 10 s at most for each part of it, to connect, to send and to receive.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import httpx2
import msgspec
import yaml
from lightkube import ApiError, Client, ConfigError
from lightkube.config.kubeconfig import KubeConfig
from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource

from fanout.errors import FanoutError
from fanout.kafkatopics.existing import FIELD_MANAGER
from fanout.kafkatopics.manifest import GROUP, KIND, VERSION, Manifest

RESOURCE = "kafkatopics"
CALL_S = 10.0
_PAGE = 500  # resources in one answer to a list
_VERB = re.compile(r"cannot (\w+) resource")
_HELD = "FieldManagerConflict"
_INVALID = frozenset({400, 422})

_KafkaTopic: type[GenericNamespacedResource] = create_namespaced_resource(GROUP, VERSION, KIND, RESOURCE)


class KubeConfigError(FanoutError):
    """How the API server is reached cannot be told: neither a ServiceAccount nor a kubeconfig."""


class KubeError(FanoutError):
    """The API server did not answer, or refuses what no other resource could change. `todo` says what to do."""

    def __init__(self, text: str, todo: str) -> None:
        super().__init__(text)
        self.todo = todo


class HeldError(FanoutError):
    """A field has another owner, and another value than is applied."""


class ChangedError(FanoutError):
    """The resource was changed or deleted since it was listed."""


class RefusedError(FanoutError):
    """The API server does not take this resource."""


class KafkaTopics:
    """The KafkaTopics of a namespace; empty is the one of the ServiceAccount, or of the kubeconfig's context."""

    def __init__(self, namespace: str) -> None:
        """Reads who we are and where the API server is; connects to nothing. Raises KubeConfigError."""
        try:
            # A kubeconfig that is named comes before the ServiceAccount of a pod, as with kubectl.
            named = os.environ.get("KUBECONFIG")
            config = (KubeConfig.from_file(named) if named else KubeConfig.from_env()).get()
            self._client = Client(config, namespace=namespace or None, timeout=httpx2.Timeout(CALL_S))
        except KeyError as error:
            raise KubeConfigError(f"the configuration lacks {error}") from error
        except _CONFIG_ERRORS as error:
            raise KubeConfigError(str(error)) from error
        self.namespace = self._client.namespace
        self.server = str(self._client.config.cluster.server)

    def list(self) -> Iterator[Mapping[str, Any]]:
        """Every KafkaTopic of the namespace, as the API server gives it. Raises KubeError."""
        try:
            yield from self._client.list(_KafkaTopic, chunk_size=_PAGE)
        except _ERRORS as error:
            self._fail("list", error)

    def apply(self, manifest: Manifest, *, force: bool) -> None:
        """Apply it on the server, creating it if it is not there; `force` takes fields from other owners.

        Raises HeldError, ChangedError, RefusedError and KubeError.
        """
        try:
            self._client.apply(_KafkaTopic.from_dict(manifest), field_manager=FIELD_MANAGER, force=force)
        except _ERRORS as error:
            self._fail("patch", error)

    def delete(self, name: str) -> None:
        """Delete it; one that is gone is no error. Raises KubeError."""
        try:
            self._client.delete(_KafkaTopic, name)
        except _ERRORS as error:
            if not (isinstance(error, ApiError) and error.status.code == 404):
                self._fail("delete", error)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _fail(self, verb: str, error: Exception) -> NoReturn:
        """Raise what the error means, in our own words."""
        if not isinstance(error, ApiError):
            raise KubeError(
                f"the API server at {self.server} does not answer: {_words(error)}",
                "look at the API server, and at the network policy in between",
            ) from error
        status, text = error.status, str(error)
        if status.code == 409:
            causes = (status.details.causes if status.details else None) or []
            held = any(cause.reason == _HELD for cause in causes)
            raise (HeldError if held else ChangedError)(text) from error
        # What is no lack of a right is a quota's or a policy's word on this one resource.
        if status.code in _INVALID or (verb == "patch" and status.code == 403 and not _VERB.search(text)):
            raise RefusedError(text) from error
        raise KubeError(*self._refusal(verb, status.code, text)) from error

    def _refusal(self, verb: str, code: int | None, text: str) -> tuple[str, str]:
        """What was found, and what to do."""
        resource = f"{RESOURCE}.{GROUP}"
        if code == 401:
            return (
                f"the API server does not know who we are: {text}",
                "look at the token of the ServiceAccount, or at the kubeconfig",
            )
        denied = _VERB.search(text)
        if code == 403 and denied is not None:
            # Who may patch what is there may not yet create: only the server knows which of the two was lacking.
            verb = denied[1]
            what = f"{verb} {resource} in namespace {self.namespace}"
            return f"no right to {what}: {text}", f"grant the verb {verb}, in a Role as deploy/components/topics has it"
        if code == 404:
            return (
                f"the API server has no {resource}/{VERSION}, or no namespace {self.namespace}: {text}",
                "install the custom resource definitions of Strimzi, or correct --kubernetes-namespace",
            )
        return f"the API server refuses to {verb} {resource} in namespace {self.namespace}: {text}", "see what it says"


def _words(error: Exception) -> str:
    """Some errors of the client have no text of their own."""
    return str(error) or type(error).__name__


# What a kubeconfig can be: not there, not to be read, no YAML, empty, of another shape; or there is no home to look in.
_CONFIG_ERRORS = (
    ConfigError, OSError, ValueError, TypeError, RuntimeError, AssertionError, msgspec.MsgspecError, yaml.YAMLError
)  # fmt: skip
# What a call can raise: an answer, none, one that is no JSON, a token that is not there any more.
_ERRORS = (httpx2.HTTPError, msgspec.MsgspecError, ConfigError, KeyError)
