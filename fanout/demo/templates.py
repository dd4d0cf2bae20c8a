"""The text of Kubernetes events as Eventrouter writes them: Go's field order and escapes, both recorder styles.

A template is bytes with `%(...)b` places, filled by `events`: name, ns, host, ouid (of the object), uid, hex, rv, seq,
made, first, last, count (of the event) and pad.
"""

import json
from typing import NamedTuple

_LEGACY_FIELDS = (
    '"f:count":{},"f:firstTimestamp":{},"f:involvedObject":{},"f:lastTimestamp":{},"f:message":{},"f:reason":{},'
    '"f:source":{"f:component":{}%s},"f:type":{}'
)
_MODERN_FIELDS = (
    '"f:action":{},"f:eventTime":{},"f:note":{},"f:reason":{},"f:regarding":{},"f:reportingController":{},'
    '"f:reportingInstance":{},"f:type":{}'
)


class Life(NamedTuple):
    """What happens to an object: its events in order, the last of them repeated with a higher count."""

    object_name: str  # with places for slot, serial and digits
    weight: int  # share of the events of a namespace, in percent
    slots: int  # objects of this kind that live at the same time in one namespace
    stages: tuple[bytes, ...]
    repeats: int = 0  # times that the last stage is repeated
    lasting: bool = False  # begins anew under the same name; otherwise another object takes its place


def go_json(text: str) -> str:
    """A text as Go's encoding/json writes it inside quotes: HTML characters and line separators are escaped."""
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    for character in "<>&\u2028\u2029":
        quoted = quoted.replace(character, f"\\u{ord(character):04x}")
    return quoted


def _metadata(manager: str, version: str, fields: str) -> str:
    return (
        '{"metadata":{"name":"%(name)b.%(hex)b","namespace":"%(ns)b","uid":"%(uid)b","resourceVersion":"%(rv)d",'
        '"creationTimestamp":"%(made)b","managedFields":[{"manager":"' + manager + '","operation":"Update",'
        '"apiVersion":"' + version + '","time":"%(last)b","fieldsType":"FieldsV1","fieldsV1":{' + fields + "}}]},"
    )


def _object(kind: str, *, version: str = "v1", namespaced: bool = True, named: bool = True, path: str = "") -> str:
    return (
        f'"involvedObject":{{"kind":"{kind}",'
        + ('"namespace":"%(ns)b",' if namespaced else "")
        + ('"name":"%(name)b",' if named else "")
        + f'"uid":"%(ouid)b","apiVersion":"{version}","resourceVersion":"%(seq)d"'
        + (f',"fieldPath":"{path}"' if path else "")
        + "},"
    )


def legacy(
    involved: str, reason: str, message: str, component: str, *, host: bool = False, warning: bool = False
) -> bytes:
    """A template of the old recorder (kubelet, controllers): source, first and last time, count; eventTime null."""
    text = (
        _metadata(component, "v1", _LEGACY_FIELDS % (',"f:host":{}' if host else ""))
        + involved
        + f'"reason":"{reason}","message":"{go_json(message)}%(pad)b","source":{{"component":"{component}"'
        + (',"host":"%(host)b"' if host else "")
        + '},"firstTimestamp":"%(first)b","lastTimestamp":"%(last)b","count":%(count)d,'
        + f'"type":"{"Warning" if warning else "Normal"}","eventTime":null,'
        + '"reportingComponent":"","reportingInstance":""}'
    )
    return text.encode()


def modern(
    involved: str, reason: str, message: str, controller: str, *, action: str, series: bool = False, related: str = ""
) -> bytes:
    """A template of the new recorder (kube-scheduler and others): eventTime in microseconds, action, no count."""
    text = (
        _metadata(controller, "events.k8s.io/v1", _MODERN_FIELDS)
        + involved
        + f'"reason":"{reason}","message":"{go_json(message)}%(pad)b","source":{{}},"firstTimestamp":null,'
        + '"lastTimestamp":null,"type":"Normal","eventTime":"%(micro)b",'
        + ('"series":{"count":%(count)d,"lastObservedTime":"%(micro)b"},' if series else "")
        + f'"action":"{action}",'
        + (f'"related":{related},' if related else "")
        + f'"reportingComponent":"{controller}","reportingInstance":"{controller}-0"}}'
    )
    return text.encode()


_POD = _object("Pod")
_CONTAINER = _object("Pod", path="spec.containers{app}")
_RUN = (
    legacy(
        _CONTAINER,
        "Pulled",
        'Container image "registry.example.com/%(ns)b/app:1.4.2" already present on machine',
        "kubelet",
        host=True,
    ),
    legacy(_CONTAINER, "Created", "Created container: app", "kubelet", host=True),
    legacy(_CONTAINER, "Started", 'Started container "app"', "kubelet", host=True),
    legacy(_CONTAINER, "Killing", "Stopping container app: größe 漢字 😀 \u2028 done", "kubelet", host=True),
)
_ASSIGNED = "Successfully assigned %(ns)b/%(name)b to %(host)b"

NAMESPACED = (
    Life("web-7f9c6-{digits}{serial}", 36, 12, (legacy(_POD, "Scheduled", _ASSIGNED, "default-scheduler"), *_RUN)),
    Life(
        "worker-{digits}{serial}",
        36,
        12,
        (modern(_POD, "Scheduled", _ASSIGNED, "default-scheduler", action="Binding"), *_RUN),
    ),
    Life(
        "crash-{digits}{serial}",
        8,
        3,
        (
            legacy(
                _CONTAINER,
                "BackOff",
                "Back-off restarting failed container app in pod %(name)b_%(ns)b(%(ouid)b)",
                "kubelet",
                host=True,
                warning=True,
            ),
        ),
        repeats=50,
    ),
    Life(
        "db-{slot}-{digits}{serial}",
        5,
        2,
        (
            legacy(
                _POD,
                "FailedMount",
                'MountVolume.SetUp failed for volume "pvc-1\\data" : mount failed: exit status 32\n'
                'wrong fs type\n\ttab "quoted" {"metadata":{"namespace":"forged"}}',
                "kubelet",
                host=True,
                warning=True,
            ),
        ),
        repeats=8,
    ),
    Life(
        "api-{digits}{serial}",
        4,
        4,
        (
            legacy(
                _CONTAINER,
                "Unhealthy",
                'Readiness probe failed: Get "http://10.0.3.7:8080/healthz?full=1&of=<all>": context deadline exceeded',
                "kubelet",
                host=True,
                warning=True,
            ),
        ),
    ),
    Life(
        "web-{digits}{serial}",
        4,
        2,
        (
            legacy(
                _object("ReplicaSet", version="apps/v1"),
                "FailedCreate",
                'Error creating: pods "%(name)b-" is forbidden: error looking up service account '
                '%(ns)b/default-editor: serviceaccount "default-editor" not found',
                "replicaset-controller",
                warning=True,
            ),
        ),
        repeats=3,
    ),
    Life(
        "nightly-{digits}{serial}",
        4,
        4,
        (legacy(_object("Job", version="batch/v1"), "Completed", "Job completed", "job-controller"),),
    ),
    Life(
        "big-{digits}{serial}",
        3,
        2,
        (
            modern(
                _POD,
                "NominatedPod",
                "Pod should schedule on: node/%(host)b",
                "karpenter",
                action="Nominated",
                series=True,
                related='{"kind":"Node","name":"%(host)b","apiVersion":"v1"}',
            ),
        ),
        repeats=3,
    ),
)

# Events of objects that have no namespace are written in "default", with no involvedObject.namespace.
CLUSTER_SCOPED = (
    Life(
        "ip-10-0-3-{slot}.ec2.internal",
        12,
        12,
        (
            legacy(
                _object("Node", namespaced=False),
                "NodeNotReady",
                "Node %(name)b status is now: NodeNotReady",
                "node-controller",
            ),
            legacy(
                _object("Node", namespaced=False),
                "NodeHasSufficientMemory",
                "Node %(name)b status is now: NodeHasSufficientMemory",
                "kubelet",
                host=True,
            ),
        ),
        lasting=True,
    ),
    # Its object has no name, so its key is the empty string, which is not a null key.
    Life(
        "",
        2,
        1,
        (
            legacy(
                _object("Endpoints", namespaced=False, named=False),
                "LeaderElection",
                "k8s.io-minikube-hostpath_1fd8ab61-2b4f-4c6e-9d1a-b3e8a2f1c0d7 became leader",
                "k8s.io/minikube-hostpath",
            ),
        ),
        lasting=True,
    ),
)
