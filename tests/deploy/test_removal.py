"""What was applied can be removed again, by the same command as anybody would use."""

import pytest

from tests.deploy.apiserver import ApiServer
from tests.deploy.applying import NAMES, OVERLAYS, applied, delete, everything


@pytest.mark.parametrize("name", NAMES)
def test_a_deleted_overlay_leaves_nothing(api: ApiServer, name: str) -> None:
    before = everything(api)
    for overlay in applied(api, OVERLAYS / name):
        assert len(everything(api) - before) >= len(overlay.manifests)
        delete(overlay)
        assert everything(api, overlay.namespace) == set(), "kubectl delete -k does not know of these"
    assert everything(api) == before
