"""Runs the programs that an image is made with; what they say goes to the log of the build.

Rules:
* A failure says which program failed, and ends with the last lines it said.
* Every program has a time limit.
* What goes in, and what a program prints that hands out a secret, is in no log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError

Words = Sequence[str | Path]
_SECONDS: Final = 1800.0
_LAST: Final = 2000


@dataclass(frozen=True, slots=True)
class Programs:
    """Runs programs of the host."""

    log: Path

    async def run(
        self,
        *program: str | Path,
        environment: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        secret: bool = False,
    ) -> str:
        """Runs a program to its end; returns what it printed, which is logged unless it is `secret`.

        Raises PiccoloError INTERNAL, BUILD_FAILED.
        """
        done = await command.run(program, seconds=_SECONDS, environment=environment, stdin=stdin, check=False)
        with self.log.open("ab") as log:
            said = done.stderr if secret else done.stdout + done.stderr
            log.write(f"$ {' '.join(map(str, program))}\n".encode() + said)
        if done.status:
            last = said[-_LAST:].decode(errors="replace").strip()
            raise PiccoloError(
                Kind.INTERNAL,
                "BUILD_FAILED",
                f"{Path(program[0]).name} ended with {done.status}; all it said is in {self.log}:\n{last}",
            )
        return done.stdout.decode(errors="replace").strip()
