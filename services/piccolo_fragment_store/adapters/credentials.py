"""TLS for the peers' port: our own certificate, and as roots exactly the certificates that are admitted.

Rules:
* gRPC takes every root for a CA, so TLS only keeps strangers out; who calls is decided by the exact
  certificate at every call.
* The roots change with the circle, without a restart. When they have not changed gRPC is told so: rebuilding
  a thousand of them costs more than a handshake.
* There must be a root: until anybody is admitted it is our own certificate, which nobody else has the key of.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import cast

import grpc
from piccolo_formats import tls

from piccolo_fragment_store.adapters.keys import RoleKeys


class PeerCredentials:
    """Server credentials whose roots can be replaced."""

    def __init__(self, keys: RoleKeys) -> None:
        self._pair = (keys.tls_key, tls.to_pem(keys.certificate))
        self._own = keys.certificate
        self._lock = threading.Lock()
        self._admitted: frozenset[bytes] = frozenset()
        self._changed: grpc.ServerCertificateConfiguration | None = None

    def server(self) -> grpc.ServerCredentials:
        """The credentials of a listener; client certificates are required."""
        # its types do not say that None stands for "unchanged"; its documentation does
        fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", self._fetch)
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(), fetch, require_client_authentication=True
        )

    def admit(self, certificates: Iterable[bytes]) -> None:
        """Lets exactly the holders of these certificates (DER) connect from now on."""
        admitted = frozenset(certificates)
        with self._lock:
            if admitted != self._admitted:
                self._admitted = admitted
                self._changed = self._configuration()

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        roots = b"".join(tls.to_pem(each) for each in sorted({self._own, *self._admitted}))
        return grpc.ssl_server_certificate_configuration([self._pair], root_certificates=roots)

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Called by gRPC in a thread of its own at every new connection."""
        with self._lock:
            changed, self._changed = self._changed, None
            return changed
