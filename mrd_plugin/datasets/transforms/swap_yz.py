"""From y-up files to a z-up network."""

from __future__ import annotations

from typing import Any

from mmengine.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SwapYZ:
    """Swap the columns y and z of ``xyz``, as OpenShape does before normalising.

    This is a reflection, not a rotation: shapes come out mirrored. It is what the published
    z-up checkpoints were trained on.
    """

    up_axis_map = {'x': 'x', 'y': 'z', 'z': 'y'}
    """Where the up axis goes; data sets check with it that the pipeline delivers their ``up_axis``."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Swap the columns of ``xyz (N, 3)``."""
        results['xyz'] = results['xyz'].take([0, 2, 1], axis=1)
        return results
