"""Who may call whom: reads services/callers.toml, checks the code against it, and yields the sockets'
groups.

Rules:
* A service uses its own wire and those of the services it calls or reaches, and no other; its tests are
  free to.
* The chassis and the formats use no service's wire.
* Who may enter the folder of a socket is a group, one a socket, and only the table's callers are in it.
"""

from __future__ import annotations

import argparse
import ast
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ROOT / "services"
_KEYS = {"socket", "calls", "reaches"}


@dataclass(frozen=True, slots=True)
class Service:
    """One row of the table; names are hyphenated."""

    name: str
    socket: bool
    calls: frozenset[str]
    reaches: frozenset[str]

    @property
    def package(self) -> str:
        """The Python package."""
        return f"piccolo_{self.name.replace('-', '_')}"

    @property
    def wire(self) -> str:
        """The package on the wire, without its version."""
        return f"piccolo.{self.name.replace('-', '_')}"


Table = Mapping[str, Service]


def load(path: Path = SERVICES / "callers.toml") -> Table:
    """The table, checked for what it says about itself.

    Raises ValueError when a row names an unknown service, an unknown key, or calls what has no socket.
    """
    rows = tomllib.loads(path.read_text(encoding="utf-8"))
    table = {}
    for name, row in rows.items():
        if set(row) != _KEYS:
            raise ValueError(f"{name}: wants exactly the keys {', '.join(sorted(_KEYS))}")
        table[name] = Service(name, row["socket"], frozenset(row["calls"]), frozenset(row["reaches"]))
    for service in table.values():
        if unknown := (service.calls | service.reaches) - set(table):
            raise ValueError(f"{service.name}: no service is named {', '.join(sorted(unknown))}")
        if deaf := [callee for callee in service.calls if not table[callee].socket]:
            raise ValueError(f"{service.name} calls {', '.join(sorted(deaf))}, which has no socket")
    return table


def groups(table: Table, name: str) -> list[str]:
    """The groups that a service's process is in: one for each socket it may reach."""
    return [f"piccolo-{callee}-callers" for callee in sorted(table[name].calls)]


def violations(table: Table, services: Path = SERVICES) -> Iterator[str]:
    """Each use of a wire that the table does not allow, as `file:line: what`."""
    for folder in sorted(services.glob("piccolo_*")):
        service = next((row for row in table.values() if row.package == folder.name), None)
        allowed = {service.name} | service.calls | service.reaches if service else set()
        forbidden = {row.wire: row.name for row in table.values() if row.name not in allowed}
        for path in sorted(folder.rglob("*.py")):
            if "tests" in path.relative_to(folder).parts or path.name == "testing.py":
                continue
            for line, module in imports(path):
                wire = ".".join(module.split(".")[:2])
                if wire in forbidden:
                    place = path.relative_to(services.parent)
                    yield f"{place}:{line}: {folder.name} must not use {wire}: services/callers.toml"


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Each module that a file imports, with its line; `from a import b` counts as a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail when code uses a wire it must not")
    parser.add_argument("--groups", metavar="SERVICE", help="print the groups of a service's process")
    chosen = parser.parse_args()
    table = load()
    if chosen.groups:
        print("\n".join(groups(table, chosen.groups)))
    if chosen.check and (found := list(violations(table))):
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
