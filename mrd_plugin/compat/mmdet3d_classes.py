"""MMDetection3D's classes, imported where one is built and not before.

Reason: the shape family needs neither mmcv nor mmdet3d, whose import takes seconds and refuses to
work with other versions of mmcv than its own (an assertion in ``mmdet3d/__init__.py``). Remedy:
import late, and say in one sentence what to install.
"""

from __future__ import annotations

import importlib
from typing import Any

from mrd_plugin.compat.spconv_cpu import import_spconv
from mrd_plugin.compat.spconv_weights import keep_kernels


def import_mmdet3d(module: str, name: str) -> Any:
    """Import a class of MMDetection3D, with spconv usable on a CPU.

    Args:
        module: Its module below ``mmdet3d``, such as ``'models.backbones'``.
        name: The class.

    Raises:
        ImportError: MMDetection3D is missing or refuses the versions around it; names the command.
    """
    import_spconv()
    try:
        found = getattr(importlib.import_module(f'mmdet3d.{module}'), name)
    except (ImportError, AssertionError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ImportError(
            f"{name} is a class of MMDetection3D, which can't be imported here ({reason}); run "
            "pip install -c requirements/constraints.txt -e '.[mmdet3d]'."
        ) from error
    keep_kernels()
    return found
