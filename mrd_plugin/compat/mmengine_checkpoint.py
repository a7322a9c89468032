"""mmengine 0.10.7 can't read its own checkpoints with torch 2.6 or newer.

Reason: it calls ``torch.load`` without ``weights_only``. Since torch 2.6 that means
``weights_only=True``, which refuses the numpy values and the ``HistoryBuffer`` in each file that
mmengine saves (open-mmlab/mmengine issues 1650 and 1655); before torch 2.6 it means that loading a
file runs it.

Remedy: mmengine looks up the loader of a path by its prefix, and the empty prefix (local files) is
given to :func:`mrd_plugin.engine.read_checkpoint`. ``Runner.resume``,
``Runner.load_checkpoint``, ``load_from`` and ``init_cfg=dict(type='Pretrained')`` all pass there.

To be dropped when mmengine reads its files safely by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmengine.runner import CheckpointLoader


def install(read_checkpoint: Callable[..., dict[str, Any]]) -> None:
    """Give local paths to the safe reader; calling it again changes nothing.

    Args:
        read_checkpoint: Called with a path and a ``map_location``.
    """

    def load_from_local(
        filename: str, map_location: str | torch.device | Callable | None = None
    ) -> dict[str, Any]:
        # MMEngine logs the part of the name after load_from_.
        return read_checkpoint(filename, map_location)

    CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
