"""Seeds and answers for tests: a signer, a node, its documents."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import minisign
import pyrage
import tomli_w
from hypothesis import strategies as st

from piccolo_provision.core import seed
from piccolo_provision.core.seed import Answer
from script.seeding import seal

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ZERO_KEY = "A" * 43 + "="


def new_signer() -> minisign.SecretKey:
    return minisign.KeyPair.generate().secret_key


@dataclass
class Household:
    """A signer and one node of it."""

    node: str = "kitchen"
    key: Any = field(default_factory=new_signer)
    identity: Any = field(default_factory=pyrage.x25519.Identity.generate)

    def files(self, **others: bytes) -> dict[str, bytes]:
        """The volume; `others` by name, with _ for the dot."""
        made = {
            seed.NAME: self.node.encode(),
            seed.KEY: str(self.identity).encode(),
            seed.SIGNER: bytes(self.key.get_public_key()),
        }
        return made | {name.replace("_", "."): content for name, content in others.items()}

    def seed(self) -> seed.Seed:
        return seed.parse(self.files())

    def answer(self, serial: int = 1, *, days: int = 30, told: Mapping[str, Any] | None = None) -> Answer:
        whole = {"node": self.node, "serial": serial, "expires": NOW + timedelta(days=days), **(told or {})}
        return self.signed(tomli_w.dumps(whole).encode())

    def signed(self, configuration: bytes) -> Answer:
        return seal(configuration, self.identity.to_public(), self.key)


labels = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\Z")
hosts = st.builds(".".join, st.lists(labels, min_size=1, max_size=3))
addresses = st.ip_addresses().map(str)
interfaces = st.one_of(
    st.builds(lambda ip, length: f"{ip}/{length}", st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds(lambda ip, length: f"{ip}/{length}", st.ip_addresses(v=6), st.integers(0, 128)),
)
networks = st.sampled_from(["10.0.0.0/8", "128.0.0.0/8", "fd00::/8", "2001:db8::/32", "192.0.2.7/32"])
endpoints = st.builds("{}:{}".format, st.one_of(hosts, st.just("[fd00::1]")), st.integers(1, 65535))
keys = st.binary(min_size=32, max_size=32).map(lambda raw: b64encode(raw).decode())


def _some(**tables: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=tables)


ssh_keys = st.sampled_from([f"ssh-ed25519 {'A' * 68} me@home", f"ssh-ed25519 {'B' * 68}"])
peers = st.fixed_dictionaries(
    {"public_key": keys, "allowed": st.lists(networks, max_size=4)},
    optional={"endpoint": endpoints, "preshared_key": keys, "keepalive": st.integers(0, 65535)},
)
documents = _some(
    authorized_keys=st.lists(ssh_keys, max_size=4),
    time=_some(servers=st.lists(st.one_of(hosts, addresses), max_size=4)),
    wired=_some(
        dhcp=st.just(True),
        addresses=st.lists(interfaces, max_size=4),
        gateways=st.lists(addresses, max_size=4),
        dns=st.lists(addresses, max_size=4),
    ),
    wireguard=st.fixed_dictionaries(
        {"private_key": keys, "addresses": st.lists(interfaces, max_size=4)},
        optional={"peers": st.lists(peers, max_size=4), "port": st.integers(0, 65535)},
    ),
    cloud=st.fixed_dictionaries(
        {"address": endpoints}, optional={"fingerprint": st.sampled_from(["", "ab" * 32])}
    ),
    gateway=_some(
        names=st.lists(hosts, max_size=4), claim_code=st.just("AB12-CD34 EF56"), announce=st.booleans()
    ),
    **{"fragment-store": _some(endpoint=endpoints, offer_bytes=st.integers(0, (1 << 62) - 1))},
)
