"""Starts a program of ours: python -m piccolo_chassis.launch piccolo_vault.__main__ [its arguments]

Rules:
* What a process loads at its beginning (modules, their classes and functions) stays to its end. Python's
  collector does not look through it while it is loaded, which was a fifth of the time that loading took, nor
  ever after: some 60,000 objects each time, while every call waits.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module


def launch(module: str, function: str = "main") -> None:
    """Loads a module, and calls a function of it."""
    gc.disable()
    program = import_module(module)
    gc.freeze()
    gc.enable()
    getattr(program, function)()


if __name__ == "__main__":
    launch(sys.argv.pop(1))
