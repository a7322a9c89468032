"""The way of a pre-trained backbone into a downstream run."""

from __future__ import annotations

from pathlib import Path

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS

from mrd_plugin.engine.checkpoint import read_checkpoint
from mrd_plugin.engine.geometry import check_meta
from mrd_plugin.engine.weights import backbone_weights, load_weights
from mrd_plugin.utils.errors import ConfigError


@HOOKS.register_module()
class PretrainedBackboneHook(Hook):
    """Load ``model.backbone`` from a checkpoint before training starts.

    The checkpoint's up axis, "no colour", normalisation and channels are compared with the config, and
    every tensor of the backbone must be there. A resumed run and a test load nothing: their own
    checkpoint holds the backbone.

    Args:
        checkpoint (str, optional): A pre-training checkpoint, or the state dict of a bare backbone.
            Defaults to None: train from scratch.
    """

    def __init__(self, checkpoint: str | None = None) -> None:
        self.checkpoint = checkpoint

    def before_train(self, runner) -> None:
        """Load the weights, unless the run was resumed.

        Raises:
            ConfigError: There is no such checkpoint, or the config contradicts it.
            CheckpointError: It can't be read or does not fit.
        """
        if runner.iter > 0:
            return
        if self.checkpoint is None:
            print_log('No pre-trained backbone: training from scratch.', 'current')
            return
        if not Path(self.checkpoint).is_file():
            raise ConfigError(
                f'default_hooks.pretrained.checkpoint={self.checkpoint!r}: there is no such file; '
                'name the checkpoint of a pre-training run, or give None to train from scratch.'
            )
        if runner.cfg.get('load_from'):
            raise ConfigError(
                f'load_from={runner.cfg.load_from!r} and default_hooks.pretrained.checkpoint='
                f'{self.checkpoint!r} would both set the backbone; set one of them to None.'
            )
        content = read_checkpoint(self.checkpoint)
        check_meta(content.get('meta', {}), runner.cfg)
        state = content.get('state_dict', content)
        weights = backbone_weights(state)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        report = load_weights(model.backbone, weights, min_coverage=1.0)
        print_log(f'Backbone from {self.checkpoint}: {report}', 'current')
