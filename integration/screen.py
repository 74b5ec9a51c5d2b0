"""What the demo shows a person: steps with their progress, a table, and what to try next."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from integration.owner import Owner

_EVERY: Final = 0.2

_VERDICTS: Final = {
    "verified": "everything read back, byte for byte",
    "foreign_bytes_only": "no byte of the owner's files or fragments on the owner's device",
    "survived": "everything read back with {lost} devices dead",
    "repaired": "every file survives the loss of any one device again",
    "recovered": "everything read back on a blank device, from the 24 words alone",
}


@dataclass(slots=True)
class Screen:
    """Writes to a terminal, or plainly to a file."""

    out: IO[str]
    _title: str = ""
    _drawn: float = 0.0

    def say(self, line: str) -> None:
        """One line that stays."""
        self._clear()
        print(f"    {line}", file=self.out, flush=True)

    def note(self, line: str) -> None:
        """One line that a terminal overwrites."""
        if self.out.isatty():
            self._clear()
            print(f"    {line}", end="", file=self.out, flush=True)

    def begin(self, title: str) -> None:
        """A step begins."""
        self._title = title
        print(f"==> {title}", file=self.out, flush=True)

    def end(self, seconds: float) -> None:
        """The step is done."""
        self.say(f"done in {seconds:.1f} s")

    def failed(self, failure: BaseExceptionGroup[Exception]) -> None:
        """The step came to a bad end, in the device's own words."""
        each: BaseException = failure
        while isinstance(each, BaseExceptionGroup):
            each = each.exceptions[0]
        self.say(f"failed: {each or 'it took too long'}")

    def progress(self, done: int, total: int) -> None:
        """How far the step is."""
        if monotonic() - self._drawn >= _EVERY:
            self._drawn = monotonic()
            self.note(f"{done:,} of {total:,}")

    def table(self, facts: dict[str, Any], seconds: dict[str, float], *, held: bool) -> None:
        """The outcome."""
        lines = ["", f"{'step':<20} {'seconds':>9} {'MB/s':>8}"]
        moved = {"put", "get", "lose", "verify_recovered"}
        for step, took in seconds.items():
            rate = f"{facts['bytes'] / 1e6 / took:8.1f}" if step in moved else ""
            lines.append(f"{step:<20} {took:>9.1f} {rate}".rstrip())
        known = defaultdict(lambda: "?", facts)
        lines += [
            "",
            f"{facts['files']:,} files, {facts['bytes']:,} bytes, any {known['k']} of {known['m']} fragments",
        ]
        for name, words in _VERDICTS.items():
            mark = "yes" if facts.get(name) is True else "NO "
            lines.append(f"  {mark}  {words.format_map(known)}")
        lines += ["", "All held." if held else "NOT ALL HELD. The devices' logs say more; --keep keeps them."]
        print("\n".join(lines), file=self.out, flush=True)

    def examples(self, owner: Owner, token: str) -> None:
        """How to go on by hand."""
        vault, metadata = owner.device.socket("vault"), owner.device.socket("metadata")
        print(
            f"""
The circle stays up until Ctrl-C. Open the first owner's device in a browser (its certificate is its own):

  {owner.device.url}        passphrase: {owner.api.passphrase}

Or try, in another terminal:
  API="{owner.device.url}/api/v1"
  curl() {{ command curl --cacert {owner.device.certificate} -H "Authorization: Bearer {token}" "$@"; }}
  curl -T README.md "$API/files/notes/readme.md"
  curl -r 0-99 "$API/files/notes/readme.md"
  curl "$API/health"
  curl -N "$API/events"

  .venv/bin/grpcurl -plaintext -unix {vault} list
  .venv/bin/grpcurl -plaintext -unix {vault} piccolo.vault.v1.StoreService/GetStoreHealth
  .venv/bin/grpcurl -plaintext -unix -d '{{"path": "/"}}' {metadata} piccolo.metadata.v1.FileService/List""",
            file=self.out,
            flush=True,
        )

    def _clear(self) -> None:
        if self.out.isatty():
            print("\r\x1b[2K", end="", file=self.out)
