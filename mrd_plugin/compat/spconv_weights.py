"""Sparse kernels that MMDetection3D turns round although they are the right way round.

Reason: importing ``mmdet3d.models`` makes every spconv layer, also those of other packages, take
weights for MMCV's old layout (kernel, in, out) unless the state dict carries version 2 in its
``_metadata`` (``mmdet3d/models/layers/spconv/overwrite_spconv``). That is lost whenever a dict is
made from a dict: in a ``.safetensors`` file, when a prefix is taken off the names, and so in
MMEngine's ``init_cfg=dict(type='Pretrained', prefix=...)``, which then logs a size mismatch and
trains from scratch.

Remedy: a kernel whose shape is that of the layer is taken as it is; others as before.

To be dropped when MMDetection3D looks at the shape.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from torch import Tensor

_THEIRS = 'mmdet3d.models.layers.spconv.overwrite_spconv.write_spconv2'


def keep_kernels() -> None:
    """Apply the remedy if MMDetection3D has changed spconv in this process."""
    if _THEIRS not in sys.modules:
        return
    from spconv.pytorch.modules import SparseModule

    theirs = SparseModule._load_from_state_dict
    if theirs.__module__ != _THEIRS:
        return

    def load(
        self: Any, state_dict: Any, prefix: str, local_metadata: dict, *args: Any, **kwargs: Any
    ) -> None:
        given, own = state_dict.get(f'{prefix}weight'), self._parameters.get('weight')
        if given is not None and own is not None and given.shape == own.shape:
            local_metadata = {**local_metadata, 'version': 2}
        theirs(self, state_dict, prefix, local_metadata, *args, **kwargs)

    SparseModule._load_from_state_dict = load


def turn_kernels(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bring kernels of MMCV's old layout (kernel, in, out) into spconv's (out, kernel, in).

    Args:
        own: State dict of the module that would take the tensors.
        given: The tensors; those whose shape is right stay as they are.
    """

    def turned(name: str, value: Tensor) -> Tensor:
        if name not in own or value.ndim != 5 or value.shape == own[name].shape:
            return value
        other = value.permute(4, 0, 1, 2, 3)
        return other if other.shape == own[name].shape else value

    return {name: turned(name, value) for name, value in given.items()}
