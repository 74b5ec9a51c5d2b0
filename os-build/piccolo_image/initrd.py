"""The initrd, made by dracut in a copy of the packages that has dracut too; the image itself has none."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from piccolo_image import debian
from piccolo_image.workshop import Workshop


@dataclass(frozen=True, slots=True)
class Boot:
    """What the firmware starts: kernel and initrd, and the kernel's version."""

    kernel: Path
    initrd: Path
    version: str


async def make(workshop: Workshop) -> Boot:
    """Kernel and initrd; cached by the packages and the definition of the initrd."""
    module = workshop.definition / "initrd"
    parts = [path for path in sorted(module.rglob("*")) if path.is_file()]
    parts.append(workshop.definition / "root/usr/lib/repart.d/50-data.conf")
    wanted = debian.packages(workshop.definition, "root", "initrd")
    inputs = "\n".join([*wanted, *(path.read_text(encoding="utf-8") for path in parts)])

    async def build(target: Path) -> None:
        tree = await workshop.packages("initrd-packages", "root", "initrd")
        work = workshop.cache / "initrd-tree"
        shutil.rmtree(work, ignore_errors=True)
        await workshop.programs.run("cp", "-a", "--reflink=auto", tree, work)
        await _dracut(workshop, work, target)
        shutil.rmtree(work)

    made = await workshop.tree("boot", inputs, build)
    return Boot(made / "kernel", made / "initrd", (made / "version").read_text(encoding="ascii").strip())


async def _dracut(workshop: Workshop, work: Path, target: Path) -> None:
    definition = workshop.definition
    (version,) = (each.name for each in (work / "usr/lib/modules").iterdir())
    shutil.copy(definition / "initrd/dracut.conf", work / "etc/dracut.conf.d/10-piccolo.conf")
    shutil.copytree(definition / "initrd/module", work / "usr/lib/dracut/modules.d/95piccolo")
    _leave_out(definition / "initrd/left-out.txt", work)
    data = work / "usr/lib/repart.d/50-data.conf"
    data.parent.mkdir(exist_ok=True)
    shutil.copy(definition / "root/usr/lib/repart.d/50-data.conf", data)
    await workshop.programs.run(
        *("chroot", work, "dracut", "--force", "--kver", version, "/boot/made.img"),
        environment={"SOURCE_DATE_EPOCH": "0"},
    )
    target.mkdir()
    shutil.copy(work / "boot/made.img", target / "initrd")
    shutil.copy(work / f"boot/vmlinuz-{version}", target / "kernel")
    (target / "version").write_text(f"{version}\n", encoding="ascii")


def _leave_out(listed: Path, work: Path) -> None:
    lines = listed.read_text(encoding="utf-8").splitlines()
    words = [line for line in lines if line and not line.startswith("#")]
    (module,) = (work / "usr/lib/dracut/modules.d").glob("*tpm2-tss/module-setup.sh")
    said = module.read_text(encoding="utf-8").splitlines(keepends=True)
    module.write_text(
        "".join(line for line in said if not any(word in line for word in words)), encoding="utf-8"
    )
