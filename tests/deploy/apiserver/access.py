"""Who gets in: certificates of an authority made for one run, one token, and kubeconfig files."""

import base64
import json
import secrets
from pathlib import Path
from typing import Any

import trustme

ADMIN_GROUP = "system:masters"
NAME = "test"  # of the one cluster, user and context in each kubeconfig


class Access:
    """Files of one run, in a folder that is made here. Certificates are good for the loopback."""

    def __init__(self, folder: Path, address: str) -> None:
        folder.mkdir()
        self._folder = folder
        self._address = address
        self._authority = trustme.CA()
        self.authority = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.authority))
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        server = self._authority.issue_cert("127.0.0.1", "localhost")
        server.cert_chain_pems[0].write_to_path(str(self.certificate))
        server.private_key_pem.write_to_path(str(self.key))
        # Signs the tokens of ServiceAccounts: a certificate of which only the key is used.
        self.tokens_key = folder / "service-accounts.key"
        self._authority.issue_cert(common_name="service-accounts").private_key_pem.write_to_path(str(self.tokens_key))
        token = secrets.token_hex(16)
        self.tokens = folder / "tokens.csv"
        self.tokens.write_text(f'{token},admin,admin,"{ADMIN_GROUP}"\n')
        self.admin = self.with_token("admin", token)

    def with_token(self, name: str, token: str) -> Path:
        """A kubeconfig for whoever this token is of."""
        return self._write(name, {"token": token})

    def with_certificate(self, name: str, group: str) -> Path:
        """A kubeconfig for a user of this name, in this group if it is not empty."""
        # The server looks at subject and organization alone, but takes no certificate that is for no host.
        found = self._authority.issue_cert("localhost", common_name=name, organization_name=group or None)
        return self._write(
            name,
            {
                "client-certificate-data": _base64(found.cert_chain_pems[0]),
                "client-key-data": _base64(found.private_key_pem),
            },
        )

    def _write(self, name: str, user: dict[str, str]) -> Path:
        cluster = {"server": self._address, "certificate-authority": str(self.authority)}
        config: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": NAME, "cluster": cluster}],
            "users": [{"name": NAME, "user": user}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
            "current-context": NAME,
        }
        path = self._folder / f"{name.replace(':', '-')}-{secrets.token_hex(4)}.kubeconfig"
        path.write_text(json.dumps(config, indent=2))  # JSON is YAML, too
        return path


def _base64(pem: trustme.Blob) -> str:
    return base64.b64encode(pem.bytes()).decode()
