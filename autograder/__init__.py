"""Deep Learning Mathematics Atlas: the engine. In a notebook: `from autograder import check`, then `check(softmax)`."""

import os
import sys
from typing import Any

if not os.path.exists("/dev/nvidiactl"):  # before anything imports triton, which reads it once
    os.environ.setdefault("TRITON_INTERPRET", "1")

__all__ = ["check"]

_NOTHING: Any = object()


def check(answer: Any = _NOTHING) -> None:
    """Show what the visible checks say of an answer; without an argument, of all answers so far.

    answer: the function or class that answers an exercise, or its name.
    """
    from autograder.checking import NOTHING, check_in_notebook

    check_in_notebook(NOTHING if answer is _NOTHING else answer)


def _prepare() -> None:
    """Import what the first check needs, some of it torch's own: it takes a second, which nobody should wait for."""
    import torch

    import autograder.checking  # noqa: F401
    from autograder.operations import vjp

    vjp(torch.exp, torch.ones(1), cotangent=0)


if "torch" in sys.modules and hasattr(getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)(), "kernel"):
    from threading import Thread

    Thread(target=_prepare, name="atlas-prepare", daemon=True).start()
