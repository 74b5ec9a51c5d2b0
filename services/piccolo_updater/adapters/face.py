"""The device's face, asked from this device."""

from __future__ import annotations

import ssl
from typing import Final

import aiohttp

_SECONDS: Final = 20.0


class Https:
    """The face at an address; its certificate is its own and proves nothing here."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def answers(self) -> bool:
        """As the port says."""
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        limit = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=limit) as http, http.get(self._url, ssl=trust) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False
