"""Listeners of a local Kafka that ask who is there: TLS, mutual TLS, and passwords (SASL) over TLS; and its authorizer.

    own = Certificates(folder)
    listeners = [tls(own), mutual_tls(own), logins(own, {"alice": "her password"})]
    with LocalKafka(listeners=listeners, config=AUTHORIZER) as kafka:
        kafka.bootstrap_of(TLS)

The plain listener stays open to who looks on: there everybody is User:ANONYMOUS, whom `AUTHORIZER` lets do all.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import trustme
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bench.broker.properties import Listener

# Names of the listeners, for `LocalKafka.bootstrap_of`.
TLS = "TLS"
MUTUAL_TLS = "MUTUAL_TLS"
LOGINS = "LOGINS"

# Whoever has no rule may do nothing, but for the brokers themselves and the plain listener, which are ANONYMOUS.
AUTHORIZER: Mapping[str, str] = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}

SCRAM_ITERATIONS = 4096  # the fewest that Kafka takes: what it costs to guess a password is not measured here
REQUEST_S = 30.0


class ClientFiles(NamedTuple):
    """PEM files that a client with a certificate is configured with."""

    certificate: Path
    key: Path


class Certificates:
    """A certificate authority, and what it signs, as PEM files in `folder`, which is made if it is not there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._authority = trustme.CA()
        self.authority = folder / "ca.pem"
        self.authority.write_bytes(self._authority.cert_pem.bytes())
        self.server = folder / "server.pem"
        certificate = self._authority.issue_cert("127.0.0.1", "localhost")
        self.server.write_bytes(_key_pem(certificate, "") + _chain_pem(certificate))

    def client(self, common_name: str, *, key_password: str = "", not_after: dt.datetime | None = None) -> ClientFiles:
        """Write a new certificate and key for this name, over those of before. The key is encrypted if asked for."""
        # Named as a host, too: Java refuses a certificate whose list of alternative names is there and empty.
        certificate = self._authority.issue_cert(common_name, common_name=common_name, not_after=not_after)
        files = ClientFiles(self._folder / f"{common_name}.pem", self._folder / f"{common_name}.key")
        files.certificate.write_bytes(_chain_pem(certificate))
        files.key.write_bytes(_key_pem(certificate, key_password))
        return files


def _key_pem(certificate: trustme.LeafCert, password: str) -> bytes:
    """The key in PKCS#8, which is all that Kafka reads."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _chain_pem(certificate: trustme.LeafCert) -> bytes:
    return b"".join(blob.bytes() for blob in certificate.cert_chain_pems)


def tls(server: Certificates, name: str = TLS) -> Listener:
    """Encryption alone: clients are ANONYMOUS."""
    return Listener(name, "SSL", config=_served_by(server))


def mutual_tls(server: Certificates, clients: Certificates | None = None, name: str = MUTUAL_TLS) -> Listener:
    """Clients show a certificate of the authority `clients` (None: the server's own); its common name is the user."""
    trusted = (clients or server).authority
    return Listener(
        name,
        "SSL",
        config=(
            *_served_by(server),
            ("ssl.client.auth", "required"),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", str(trusted)),
            ("ssl.principal.mapping.rules", r"RULE:^(?:.*,)?CN=([^,]+).*$/$1/"),
        ),
    )


def logins(
    server: Certificates,
    plain_users: Mapping[str, str],
    mechanisms: Sequence[str] = ("PLAIN", "SCRAM-SHA-512"),
    name: str = LOGINS,
) -> Listener:
    """Passwords over TLS. PLAIN knows these users and passwords; those of SCRAM are set with `set_scram_password`."""
    modules = {
        "PLAIN": plain_jaas_config(plain_users),
        "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    }
    return Listener(
        name,
        "SASL_SSL",
        config=(
            *_served_by(server),
            ("sasl.enabled.mechanisms", ",".join(mechanisms)),
            *((f"{mechanism.lower()}.sasl.jaas.config", modules[mechanism]) for mechanism in mechanisms),
        ),
    )


def plain_jaas_config(users: Mapping[str, str]) -> str:
    """The value of `plain.sasl.jaas.config` of a listener, which a running broker takes anew, too."""
    known = " ".join(f'user_{user}="{password}"' for user, password in users.items())
    return f"org.apache.kafka.common.security.plain.PlainLoginModule required {known};"


def set_scram_password(bootstrap: str, user: str, password: str) -> None:
    """Make a user of SCRAM-SHA-512, or give it another password. Blocks for the answer; raises KafkaException.

    A broker takes it up an instant later.
    """
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted: list[UserScramCredentialAlteration] = [UserScramCredentialUpsertion(user, info, password.encode())]
    for future in admin.alter_user_scram_credentials(wanted, request_timeout=REQUEST_S).values():
        future.result()


def _served_by(server: Certificates) -> tuple[tuple[str, str], ...]:
    return (("ssl.keystore.type", "PEM"), ("ssl.keystore.location", str(server.server)))
