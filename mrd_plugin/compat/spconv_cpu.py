"""spconv 2.3 runs forward on a CPU, but not backward.

Reason: its backward pass asks for the current CUDA stream whatever device the tensors are on, and
PyTorch answers that it has no CUDA (traveller59/spconv issue 366).

Remedy: where no CUDA device exists, the stream is 0, as in its forward pass; gradients then equal
those of a dense convolution (tested).

To be dropped when spconv asks for a stream on CUDA devices only.
"""

from __future__ import annotations

from types import ModuleType

import torch


def import_spconv() -> ModuleType:
    """Import ``spconv.pytorch``, usable on a CPU in both directions.

    Raises:
        ImportError: If spconv is not installed; names the command.
    """
    try:
        import spconv.pytorch as spconv
    except ImportError as error:
        raise ImportError(
            'Sparse backbones need spconv, which is not installed; run pip install "spconv>=2.3.6" '
            '(on a machine with CUDA 12: pip install spconv-cu126).'
        ) from error
    if not torch.cuda.is_available():
        spconv.ops.get_current_stream = lambda: 0
    return spconv
