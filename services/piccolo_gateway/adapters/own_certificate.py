"""What the listener shows, kept fit: its own certificate follows its names and addresses, and its end.

The context that connections use stays the same; what is loaded into it holds for connections from then on.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import ssl
from collections.abc import Iterable
from typing import Final

from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.logs import fields

from piccolo_gateway.adapters import certificate
from piccolo_gateway.adapters.certificate import Identity
from piccolo_gateway.config import Config

_DAY: Final = 86400.0
_log = logging.getLogger(__name__)


class OwnCertificate:
    """The gateway's certificate, its own or a configured one.

    Attributes:
        context: what connections use.
        names: what the device is called, now and later: they change in place.
    """

    def __init__(self, config: Config) -> None:
        """Loads or makes it. Raises PiccoloError PRECONDITION, CERTIFICATE_UNREADABLE."""
        self._config = config
        self.names, self._addresses = list(config.names), config.addresses
        self._identity = self._made()
        self.context: ssl.SSLContext = certificate.context(self._identity)

    @property
    def root(self) -> bytes | None:
        """The own authority's root, DER; None when the certificate was made elsewhere."""
        return self._identity.root

    def follow(self, names: Iterable[str], addresses: Iterable[str]) -> None:
        """Is for these too, besides what is configured."""
        self.names[:] = dict.fromkeys((*self._config.names, *names))
        self._addresses = tuple(dict.fromkeys((*self._config.addresses, *addresses)))
        self._renew()

    async def keep(self) -> None:
        """For ever: looks at it once a day."""
        while True:
            await asyncio.sleep(_DAY)
            self._renew()

    def _made(self) -> Identity:
        if self._config.tls is not None:
            return Identity(self._config.tls.key, self._config.tls.certificate)
        now = datetime.datetime.now(datetime.UTC)
        return certificate.self_made(self._config.state, self.names, self._addresses, now)

    def _renew(self) -> None:
        if self._config.tls is not None:
            return
        try:
            self._identity = self._made()
            certificate.load(self.context, self._identity)
        except (PiccoloError, OSError) as failed:
            _log.error("the certificate could not be renewed", extra=fields(problem=str(failed)))
