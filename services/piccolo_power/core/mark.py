"""The mark of a partition that is to begin anew: its LUKS2 label.

It stands in the header itself, which is written twice and with checksums, so it is there or not, and goes
with what it marks. The initrd knows it too (os-build/definition/initrd/module/piccolo-reset).
"""

from __future__ import annotations

from typing import Final

MARK: Final = "piccolo-reset"
