"""Something that dies, without any clean-up, at a change of a file or folder: always at the same one.

A death is a number: the `step`-th change. `dies_at` forks a child that dies so. `die_in` has the process itself die,
at a change or while a file grows past a size, whoever writes it.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHANGES = ((Path, "replace"), (Path, "rename"), (Path, "mkdir"), (shutil, "rmtree"))
"""What changes which files and folders there are."""

STEPS = (*CHANGES, (Path, "unlink"), (os, "fsync"))
"""The same, and each flush to disk: before it, what was written may stand there whole, in part, or not at all."""


@dataclass(frozen=True)
class Death:
    """Where a process dies: instead of its so-manyth step, or where a file would grow beyond so many bytes."""

    step: int = 0
    size: int = 0


def dies_at(step: int, action: Callable[[], object]) -> bool:
    """Do it in a forked child that dies at its `step`-th change; False once it makes fewer changes than that."""
    child = os.fork()
    if child == 0:
        with pytest.MonkeyPatch.context() as patch:
            _tell_before(CHANGES, _counted(step), patch)
            try:
                action()
            finally:
                os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def die_in(death: Death, patch: pytest.MonkeyPatch) -> None:
    """Have this process die as said, from now on."""
    if death.step:
        _tell_before(STEPS, _counted(death.step), patch)
    if death.size:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (death.size, death.size))


def list_steps(patch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows by the name of each step that this process makes from now on."""
    found: list[str] = []
    _tell_before(STEPS, found.append, patch)
    return found


def _counted(step: int) -> Callable[[str], None]:
    seen = 0

    def tell(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return tell


def _tell_before(steps: tuple[tuple[Any, str], ...], tell: Callable[[str], None], patch: pytest.MonkeyPatch) -> None:
    def telling(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            tell(f"{name} {_place(args[0])}")
            return real(*args, **kwargs)

        return wrapped

    for owner, name in steps:
        patch.setattr(owner, name, telling(name, getattr(owner, name)))


def _place(target: Any) -> str:
    """What is changed."""
    path = Path(f"/proc/self/fd/{target}").readlink() if isinstance(target, int) else Path(str(target))
    return path.as_posix()
