"""mmengine 0.10 can't start several processes on a machine without a GPU.

Reason: for ``launcher='pytorch'`` its ``init_dist`` calls ``torch.cuda.set_device`` whatever the
backend is, and its model wrapper names a CUDA device (open-mmlab/mmengine,
``mmengine/dist/utils.py`` and ``Runner.wrap_model``; no issue is open for it).

Remedy: the group is made here, with gloo, before the runner looks for one, and the wrapper is
told to leave the devices alone.

To be dropped when ``init_dist`` honours ``backend='gloo'``.
"""

from __future__ import annotations

import torch
from mmengine.config import Config


def prepare(cfg: Config) -> None:
    """Join the processes that ``torchrun`` started, if there is no CUDA device for them.

    Args:
        cfg: The config of the run; its ``model_wrapper_cfg`` is filled in.
    """
    if cfg.get('launcher') != 'pytorch' or torch.cuda.is_available():
        return
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')
    wrapper = dict(type='MMDistributedDataParallel', broadcast_buffers=False, device_ids=None)
    wrapper['find_unused_parameters'] = cfg.get('find_unused_parameters', False)
    cfg.model_wrapper_cfg = {**wrapper, **(cfg.get('model_wrapper_cfg') or {})}
