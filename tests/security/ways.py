"""The ways into the secured broker: for each the settings of the program, by the names of environment variables."""

from collections.abc import Mapping
from typing import NamedTuple

from bench.broker import LocalKafka
from bench.broker.security import LOGINS, MUTUAL_TLS, TLS, Certificates, set_scram_password
from bench.program import Program

CANARY = "CANARY"  # in every secret, and nowhere else
PLAIN_USER = "plain-user"
PLAIN_PASSWORD = f"plain-{CANARY}-4f1d9c"
SCRAM_PASSWORD = f"scram-{CANARY}-8e2b7a"
KEY_PASSWORD = f"key-{CANARY}-c03f55"

Settings = dict[str, str]


class Secured(NamedTuple):
    """The broker, and the authority that signed its certificate."""

    kafka: LocalKafka
    own: Certificates

    def over_tls(self) -> Settings:
        """Encrypted, as User:ANONYMOUS."""
        return {
            "ENDPOINT": self.kafka.bootstrap_of(TLS),
            "KAFKA_SECURITY_PROTOCOL": "SSL",
            "KAFKA_SSL_CA_LOCATION": str(self.own.authority),
        }

    def with_certificate(self, user: str) -> Settings:
        """Mutual TLS as this user, with a key that is encrypted."""
        return {
            **self.over_tls(),
            "ENDPOINT": self.kafka.bootstrap_of(MUTUAL_TLS),
            **certificate(self.own, user),
        }

    def with_plain(self, password: str = PLAIN_PASSWORD) -> Settings:
        """SASL PLAIN over TLS, as the one user that the broker knows."""
        return self._login("PLAIN", PLAIN_USER, password)

    def with_scram(self, user: str, password: str = SCRAM_PASSWORD) -> Settings:
        """SCRAM-SHA-512 over TLS, as this user, who is made here, with SCRAM_PASSWORD whatever `password` is."""
        set_scram_password(self.kafka.bootstrap, user, SCRAM_PASSWORD)
        return self._login("SCRAM-SHA-512", user, password)

    def _login(self, mechanism: str, user: str, password: str) -> Settings:
        return {
            **self.over_tls(),
            "ENDPOINT": self.kafka.bootstrap_of(LOGINS),
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": mechanism,
            "KAFKA_SASL_USERNAME": user,
            "KAFKA_SASL_PASSWORD": password,
        }


def certificate(authority: Certificates, user: str) -> Settings:
    """The settings that name a new certificate of this user, and its encrypted key."""
    files = authority.client(user, key_password=KEY_PASSWORD)
    return {
        "KAFKA_SSL_CERTIFICATE_LOCATION": str(files.certificate),
        "KAFKA_SSL_KEY_LOCATION": str(files.key),
        "KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD,
    }


def program(settings: Mapping[str, str], prefix: str, **more: object) -> Program:
    """The program with these ways in, its source, group and destinations named with the prefix."""
    rest = {name: value for name, value in settings.items() if name != "ENDPOINT"}
    template = {"TOPIC_TEMPLATE": f"{prefix}.{{namespace}}"}
    return Program(settings["ENDPOINT"], f"{prefix}-source", prefix, **{**template, **rest, **more})
