"""Generates the Python code of the protos: as hatch's build hook, or by hand.

Rules:
* The code of protos/ goes to protos/gen; that of a service's test protos (services/*/tests/protos) lies
  beside them, so that tests import it as part of their package. Neither is committed.
* `buf/validate/validate.proto` is no file of this repository: its descriptor is taken from the installed
  protovalidate, so the rules in the messages and the engine that reads them cannot drift apart.
* Files are replaced one by one and only when they differ, so that a process that imports them meanwhile
  never meets a gap; a lock keeps two generators apart.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import shutil
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VALIDATE = "buf/validate/validate.proto"
PROTOS = ROOT / "protos"
GENERATED = PROTOS / "gen"
SERVICES = ROOT / "services"


def plugin(name: str) -> str:
    """A protoc plugin: beside this interpreter, or on PATH (an isolated build has it only there)."""
    path = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if path is None:
        raise SystemExit(f"{name} is missing: install mypy-protobuf")
    return path


def well_known() -> bytes:
    """A descriptor set of protovalidate's rules and of the standard messages they refer to."""
    import protovalidate
    from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2

    found = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        found.file.add().ParseFromString(module.DESCRIPTOR.serialized_pb)
    found.file.add().ParseFromString(protovalidate.ViolationsPb.desc().file.proto.to_binary())
    return found.SerializeToString()


def includes(tree: Path) -> list[str]:
    """Where protoc looks for imports: the tree itself, the shipped protos, and google/rpc's own package."""
    spec = importlib.util.find_spec("google.rpc")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("google.rpc is missing: install googleapis-common-protos")
    common = Path(next(iter(spec.submodule_search_locations))).parent.parent
    return [f"-I{path}" for path in dict.fromkeys((tree, PROTOS, common))]


def below(tree: Path, pattern: str) -> list[str]:
    """The .proto files below a tree, as protoc names them."""
    return sorted(path.relative_to(tree).as_posix() for path in tree.glob(pattern))


def protoc(tree: Path, files: Iterable[str], outputs: Iterable[str]) -> None:
    """Runs protoc, in this process."""
    from grpc_tools import protoc as compiler

    with tempfile.NamedTemporaryFile(suffix=".binpb") as known:
        known.write(well_known())
        known.flush()
        arguments = [*includes(tree), f"--descriptor_set_in={known.name}", *outputs, *files]
        if compiler.main(["protoc", *arguments]) != 0:
            raise SystemExit("the protos do not compile; the messages above say where")


def generate(tree: Path, files: Iterable[str], into: Path) -> None:
    """Writes the code of some protos, typed and for grpc.aio, into an empty folder."""
    plugins = [f"--plugin=protoc-gen-{name}={plugin(f'protoc-gen-{name}')}" for name in ("mypy", "mypy_grpc")]
    outs = ["python_out=", "mypy_out=quiet:", "grpc_python_out=", "mypy_grpc_out=quiet,only_async:"]
    protoc(tree, files, [*plugins, *(f"--{out}{into}" for out in outs)])
    for leaf in {path.parent for path in into.rglob("*_pb2.py")}:
        (leaf / "py.typed").touch()


def shipped() -> None:
    """Brings protos/gen up to date; what no longer has a source is removed."""
    with alone(), tempfile.TemporaryDirectory(prefix="piccolo-gen-") as folder:
        generate(PROTOS, [*below(PROTOS, "**/*.proto"), VALIDATE], Path(folder))
        copy(Path(folder), GENERATED)
        prune(Path(folder), GENERATED)


def tests() -> None:
    """Brings the code of the tests' own protos up to date."""
    files = below(SERVICES, "*/tests/protos/**/*.proto")
    if not files:
        return
    with alone(), tempfile.TemporaryDirectory(prefix="piccolo-gen-") as folder:
        generate(SERVICES, files, Path(folder))
        copy(Path(folder), SERVICES, but="py.typed")


def copy(fresh: Path, old: Path, but: str = "") -> None:
    """Copies file by file, each whole or not at all, leaving untouched what did not change."""
    for path in sorted(path for path in fresh.rglob("*") if path.is_file() and path.name != but):
        target = old / path.relative_to(fresh)
        content = path.read_bytes()
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.new")
        partial.write_bytes(content)
        partial.replace(target)


def prune(fresh: Path, old: Path) -> None:
    """Removes what `old` has and `fresh` has not."""
    for path in sorted(old.rglob("*"), reverse=True):
        if "__pycache__" in path.parts or (fresh / path.relative_to(old)).exists():
            continue
        if path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path)


@contextmanager
def alone() -> Iterator[None]:
    """Keeps parallel generators (an editable install, a test run) from writing over each other."""
    with (ROOT / "protos/.gen.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def image(target: Path, tree: Path) -> None:
    """Writes the descriptor image of a tree of protos, with comments, that buf lints and compares."""
    outputs = ["--include_imports", "--include_source_info", f"--descriptor_set_out={target}"]
    protoc(tree, below(tree, "**/*.proto"), outputs)


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:
    pass
else:

    class Hook(BuildHookInterface):  # type: ignore[type-arg]
        """Hatch's build hook: a wheel and an editable install always carry fresh code."""

        def initialize(self, version: str, build_data: dict[str, object]) -> None:
            """Runs before hatch collects the files."""
            shipped()


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--image", type=Path, metavar="FILE", help="write buf's input instead of code")
    parser.add_argument(
        "--tree", type=Path, default=PROTOS, help="the protos of the image (another release's)"
    )
    chosen = parser.parse_args()
    if chosen.image:
        image(chosen.image, chosen.tree.absolute())
        return
    shipped()
    tests()


if __name__ == "__main__":
    main()
