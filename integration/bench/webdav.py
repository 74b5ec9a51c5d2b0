"""How fast WebDAV is beside the API, on the same circle in turn, and what a large file takes of memory.

    script/bench webdav [--rounds 5] [--mib 1024] [--json FILE] [--folder FOLDER]

Prints figures and judges none: the exit status is 0 whatever they are, and 1 only when something could not be
measured.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

import aiohttp
from blake3 import blake3
from piccolo_chassis.state import write_durably

from integration.api import pinned
from integration.bench import large, memory, ours, program, streams
from integration.bench.errors import WrongBytesError
from integration.bench.figures import Figure, columns, table, to_json
from integration.bench.work import WORKS, Contender, Work, measure
from integration.circle import Circle, circle
from integration.client import pieces_of
from integration.owner import Owner
from integration.screen import Screen

DEVICES: Final = 5
_PIECE: Final = 1 << 20
_API: Final = "gateway"
_WARM: Final = Work("warm-up", 1, 1 << 20)


@dataclass(frozen=True, slots=True)
class WebDav:
    """The gateway at /dav."""

    http: aiohttp.ClientSession
    name: str = "dav"

    async def put(self, name: str, data: bytes) -> str:
        """Stores a file under its name, in the one directory that is there."""
        path = f"/dav/{self.name}/{name.strip('/').replace('/', '-')}"
        headers = {"Content-Length": str(len(data))}  # sent in pieces, as the API's client does
        async with self.http.put(path, data=pieces_of(data), headers=headers) as answer:
            answer.raise_for_status()
        return path

    async def get(self, key: str) -> bytes:
        """Reads a file by its address."""
        async with self.http.get(key) as answer:
            answer.raise_for_status()
            return b"".join([piece async for piece in answer.content.iter_chunked(_PIECE)])

    async def large(self, size: int, progress: streams.Progress) -> tuple[float, float]:
        """Seconds that a file takes in and out; raises WrongBytesError."""
        state, began, path = blake3(), perf_counter(), f"/dav/{self.name}/large"
        headers = {"Content-Length": str(size)}
        async with self.http.put(path, data=streams.made(size, state, progress), headers=headers) as answer:
            answer.raise_for_status()
        put_seconds, began = perf_counter() - began, perf_counter()
        async with asyncio.timeout(streams.SECONDS), self.http.get(path) as answer:
            answer.raise_for_status()
            came = await streams.digest_of(answer.content.iter_chunked(_PIECE), size, progress)
        if came != state.digest():
            raise WrongBytesError(f"{path} came back with other bytes")
        return put_seconds, perf_counter() - began


@asynccontextmanager
async def webdav(owner: Owner) -> AsyncIterator[WebDav]:
    """A client with a token as its password."""
    token = await owner.api.make_token("bench", "read", "write")
    shown = {"Authorization": aiohttp.encode_basic_auth("bench", token)}
    connector = aiohttp.TCPConnector(ssl=pinned(owner.device.certificate), limit=64)
    limits = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        owner.device.url, headers=shown, connector=connector, timeout=limits
    ) as http:
        made = WebDav(http)
        async with http.request("MKCOL", f"/dav/{made.name}") as answer:
            answer.raise_for_status()
        yield made


async def play(options: argparse.Namespace, screen: Screen, folder: Path) -> list[Figure]:
    """Measures, and tells what came out."""
    screen.begin(f"Starting a circle of {DEVICES} devices")
    async with circle(folder / "c", DEVICES, screen.note) as made, webdav(made.owners[0]) as dav:
        contenders: list[Contender] = [dav, ours.Gateway(made.owners[0].api)]
        await measure(_WARM, contenders, 1, screen.note)
        figures: list[Figure] = []
        for work in WORKS if options.rounds else ():
            samples = await measure(work, contenders, options.rounds, screen.say)
            for way, seconds in (("put", samples.put), ("get", samples.get)):
                both = tuple(seconds[dav.name]), tuple(seconds[_API])
                figures.append(Figure(f"{way} {work.name} at /dav", "the API", *both, size=work.size))
        for line in ("", *table(figures), "", *await _memory(made, dav, options.mib << 20, screen)):
            screen.say(line)
    return figures


async def _memory(made: Circle, dav: WebDav, size: int, screen: Screen) -> list[str]:
    """A large file, and the highest RSS of the owner's processes before and in it."""
    services = made.owners[0].device.services
    large.look_for_room(made.folder, size, 1, 2)
    before = {name: memory.peak(service.pid) for name, service in services.items()}
    for service in services.values():
        memory.reset_peak(service.pid)
    put_seconds, get_seconds = await dav.large(size, screen.progress)
    rows = [("highest RSS, MiB", "before", f"in {size >> 20:,} MiB")]
    rows += [(name, _mib(before[name]), _mib(memory.peak(one.pid))) for name, one in sorted(services.items())]
    rates = f"in {put_seconds:.1f} s, {size / put_seconds / 1e6:.1f} MB/s;"
    return [
        f"{rates} out {get_seconds:.1f} s, {size / get_seconds / 1e6:.1f} MB/s",
        *columns(rows, right=(1, 2)),
    ]


def _mib(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/bench webdav", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds",
        type=int,
        default=5,
        metavar="R",
        help="rounds of each work (default: 5); 0: only the large file",
    )
    parser.add_argument(
        "--mib", type=int, default=1024, metavar="S", help="of the large file (default: 1024)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument(
        "--folder", type=Path, default=program.FOLDER, help=f"where state lies (default: {program.FOLDER})"
    )
    options = parser.parse_args(argv)
    if options.rounds < 0 or options.mib < 1:
        parser.error("no round and one MiB are the least")
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    return options


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark; 1 when something could not be measured."""
    options, screen = parse(argv), Screen(sys.stdout)

    def keep(figures: list[Figure]) -> None:
        if options.json:
            write_durably(options.json, to_json(figures).encode())

    return program.run(partial(play, options, screen), options.folder, screen, keep)


if __name__ == "__main__":
    sys.exit(main())
