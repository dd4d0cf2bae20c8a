"""A real Kubernetes API server, for tests: `with ApiServer() as api: api.kubectl("get", "namespaces")`.

- `binaries`: kube-apiserver and kubectl, built once from Go modules into a cache; build/ says which
- `access`: certificates, and the files that let a user in
- `processes`: etcd and kube-apiserver, which cannot outlive this process
- `kubectl`: the built kubectl, and what it answered
- `server`: ApiServer, on the loopback

There is no controller, no scheduler and no kubelet: objects are stored, checked and watched, and nothing acts on them.
"""

from tests.deploy.apiserver.binaries import NotBuiltError, kubernetes_version
from tests.deploy.apiserver.kubectl import Answer, KubectlError
from tests.deploy.apiserver.server import ApiServer

__all__ = ["Answer", "ApiServer", "KubectlError", "NotBuiltError", "kubernetes_version"]
