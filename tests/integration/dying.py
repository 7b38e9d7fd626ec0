"""Something done in a child of this process that dies, without any clean-up, at a change of a file or folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caremesh.lake import files


def dies_at(step: int, action: Callable[[], object]) -> bool:
    """Do it in a forked child that dies at its `step`-th change; False once it makes fewer changes than that."""
    child = os.fork()
    if child == 0:
        with pytest.MonkeyPatch.context() as patch:
            _kill_self_at(step, patch)
            try:
                action()
            finally:
                os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _kill_self_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Die, without any clean-up, instead of the `step`-th change of a file or folder."""
    seen = 0

    def deadly(real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return wrapped

    for owner, name in ((Path, "replace"), (Path, "rename"), (Path, "mkdir"), (files.shutil, "rmtree")):
        monkeypatch.setattr(owner, name, deadly(getattr(owner, name)))
