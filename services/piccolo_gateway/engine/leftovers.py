"""What was left on a device before it had an owner.

Rules:
* Whoever can begin a setup has a session, and is not yet the owner: another may begin it anew. So what would
  outlive a session (tokens, second factors, settings) is taken away whenever an owner comes, by setup, by its
  confirmation and before a recovery.
* It is taken away first, and the owner comes then: what cannot be taken away lets nobody become one.
* A device that has an owner, or whose recovery has begun to bring one back, loses nothing.
"""

from __future__ import annotations

from piccolo_gateway.engine.factors import FactorBook
from piccolo_gateway.engine.tokens import Tokens
from piccolo_gateway.ports.keys import Keys
from piccolo_gateway.ports.memory import SettingsPort


class Leftovers:
    """What nobody owns."""

    def __init__(self, keys: Keys, tokens: Tokens, factors: FactorBook, settings: SettingsPort) -> None:
        self._keys, self._tokens, self._factors, self._settings = keys, tokens, factors, settings

    async def clear(self) -> None:
        """Takes it away, where there is no owner."""
        status = await self._keys.status()
        if status.state not in ("empty", "unconfirmed") or status.recovering:
            return
        await self._tokens.remove_all()
        await self._factors.remove_all()
        changed = {
            one.name: None for one in (await self._settings.get()).settings if one.value != one.default
        }
        if changed:
            await self._settings.set(changed)
