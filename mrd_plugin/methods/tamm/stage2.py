"""TAMM, stage 2: a visual and a semantic sub-space behind one backbone.

TAMM (Zhang et al., CVPR 2024, arXiv 2402.18490, section 3.3) holds that images and texts stress
different attributes of a shape and that one embedding can't serve both. Two adapters behind the
backbone give two: ``z_image`` is aligned with several views of the shape, their features re-aligned
by the frozen adapter of stage 1, and ``z_text`` with its text. Zero-shot classification uses both.
The adapter's weights are taken over from a checkpoint of stage 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.registry import MODELS
from torch import Tensor

from mrd_plugin.engine.checkpoints.matching import load_weights
from mrd_plugin.engine.checkpoints.reading import read_checkpoint
from mrd_plugin.methods.base_shape import TripletPretrainer
from mrd_plugin.ops import gather_rows
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.utils.errors import CheckpointError, ConfigError


def find_first_stage(where: str | Path, key: str) -> Path:
    """Return the checkpoint that a config key names.

    Args:
        where: A checkpoint, or the work_dir of a first-stage run, of which the newest
            ``best_*.pth`` is meant: what ``save_best`` chose.
        key: The config key, for the message.

    Raises:
        ConfigError: There is none.
    """
    path = Path(where)
    if path.is_dir():
        best = sorted(path.glob('best_*.pth'), key=lambda file: file.stat().st_mtime)
        if not best:
            raise ConfigError(
                f'{key}={str(where)!r}: that folder holds no best_*.pth; let the training of stage '
                '1 finish (its config needs default_hooks.checkpoint.save_best), or name a '
                'checkpoint.'
            )
        return best[-1]
    if not path.is_file():
        raise ConfigError(
            f'{key}={str(where)!r}: there is no such checkpoint or work_dir; train stage 1 first, '
            'or set the key to where its result is.'
        )
    return path


def first_stage_weights(path: Path, prefix: str) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint below a prefix, without it.

    Raises:
        CheckpointError: There are none, or the file can't be read.
    """
    content = read_checkpoint(path)
    state = content.get('state_dict', content)
    found = {name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)}
    if not found:
        raise CheckpointError(
            f'{path}: it holds no tensor below {prefix!r}, so it is no checkpoint of stage 1 (its '
            f'names look like {next(iter(state), "nothing")!r}).'
        )
    return found


_KEY = 'model.image_adapter_checkpoint'


@MODELS.register_module()
class TAMM(TripletPretrainer):
    """Align two sub-spaces of a shape, one with its views and one with its text.

    The weights of the image adapter are read when MMEngine initialises the model for training; they
    are frozen, in eval mode whatever the trainer asks for, and part of this model's checkpoints.

    Args:
        image_adapter: ``CLIPImageAdapter`` as stage 1 trained it.
        image_adapter_checkpoint: Checkpoint of stage 1 (``TAMMImageAdapter``), or its work_dir,
            whose ``best_*.pth`` is taken.
        num_views: Images of a shape, the ``policy.num_images`` of the training pipeline. Defaults
            to 4.
        image_score_weight: Weight of the visual sub-space beside the semantic one (weight 1) in
            zero-shot scores and in ``embedding``. Defaults to 0.5.
        loss: ``DualAlignLoss`` and its options.
        **kwargs: See :class:`TripletPretrainer`; ``head`` is a ``DualAdapter``. One logit scale is
            shared unless ``separate_logit_scales`` is set.
    """

    FEATURES: ClassVar[tuple[str, ...]] = ('backbone', 'embedding', 'image', 'text', 'both')
    adapter_is_trained: Tensor

    def __init__(
        self,
        *args,
        image_adapter: dict,
        image_adapter_checkpoint: str,
        num_views: int = 4,
        image_score_weight: float = 0.5,
        loss: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(*args, loss=loss or dict(type='DualAlignLoss'), **kwargs)
        self.image_adapter = MODELS.build(image_adapter).requires_grad_(False).eval()
        if self.image_adapter.dim != self.teacher.dim:
            raise ValueError(
                f'model.image_adapter.dim is {self.image_adapter.dim} but model.teacher gives '
                f'{self.teacher.dim}-d features; set model.image_adapter.dim={self.teacher.dim}.'
            )
        self.image_adapter_checkpoint = image_adapter_checkpoint
        self.num_views = num_views
        self.image_score_weight = image_score_weight
        self.register_buffer('adapter_is_trained', torch.tensor(False))
        self._why_untrained = 'init_weights() was not called; the runner does'

    def init_weights(self) -> None:
        """Initialise the student and read the adapter of stage 1.

        A missing checkpoint is an error of :meth:`loss` only: a run that is resumed initialises its
        model first and gets the adapter from its own checkpoint.

        Raises:
            CheckpointError: The checkpoint is no stage-1 checkpoint, or of another dim, reduction
                or ratio.
        """
        super().init_weights()
        try:
            path = find_first_stage(self.image_adapter_checkpoint, _KEY)
        except ConfigError as error:
            self._why_untrained = str(error)
            return
        weights = first_stage_weights(path, 'adapter.')
        ours, theirs = float(self.image_adapter.ratio), float(weights.get('ratio', torch.nan))
        try:
            load_weights(self.image_adapter, weights, min_coverage=1.0)
        except CheckpointError as error:
            raise CheckpointError(
                f'{_KEY}={str(path)!r} does not fit model.image_adapter: {error}'
            ) from error
        if abs(ours - theirs) > 1e-6:
            raise CheckpointError(
                f'{_KEY}={str(path)!r} was trained with ratio={theirs:g}, model.image_adapter has '
                f'ratio={ours:g}; give both the same.'
            )
        self.adapter_is_trained.fill_(True)
        print_log(f'Image adapter of stage 1: {path}.', 'current')

    def train(self, mode: bool = True) -> TAMM:
        """Switch the student; the image adapter stays in eval mode."""
        super().train(mode)
        self.image_adapter.eval()
        return self

    def branches(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Visual and semantic embeddings of points ``(B, N, C)``, each ``(B, D)``, unscaled."""
        return self.head(self.backbone(inputs))

    def embed(self, inputs: Tensor) -> Tensor:
        """Joint embedding ``(B, D)`` of points: its cosines with texts rank as TAMM's scores do."""
        return self._join(*(F.normalize(z, dim=-1) for z in self.branches(inputs)))

    def features(self, inputs: Tensor, name: str = 'backbone') -> Tensor:
        """Return what a probe is trained on.

        Args:
            inputs: Points ``(B, N, C)``.
            name: ``'backbone'`` (B, F), ``'embedding'``, ``'image'`` or ``'text'`` (B, D), or
                ``'both'``, text then image (B, 2 D). Defaults to 'backbone', as published.

        Returns:
            Not normalised.
        """
        if name not in ('image', 'text', 'both'):
            return super().features(inputs, name)
        image, text = self.branches(inputs)
        return {'image': image, 'text': text, 'both': torch.cat([text, image], dim=-1)}[name]

    def loss(self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]) -> dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            inputs: Points ``(B, N, C)`` of this rank.
            data_samples: The shapes' texts and views.

        Returns:
            ``loss``, and scalars to log: terms, match rates, logit scale.

        Raises:
            ConfigError: The image adapter was never loaded; says why.
        """
        if not self.adapter_is_trained:
            raise ConfigError(f'TAMM: the image adapter has no weights yet: {self._why_untrained}')
        z_image, z_text = (F.normalize(z.float(), dim=-1) for z in self.branches(inputs))
        views = self.teacher.view_targets(data_samples, self.num_views)
        text, has_text = self.teacher.text_targets(data_samples)
        log = self.criterion(
            gather_rows(z_image),
            gather_rows(z_text),
            gather_rows(self.image_adapter(views.image)),
            gather_rows(text),
            gather_rows(views.has_image),
            gather_rows(has_text),
            *self.logit_scales(),
        )
        return {**log, **self.logit_scale_log()}

    @torch.no_grad()
    def predict(
        self, inputs: Tensor, data_samples: Sequence[ShapeDataSample]
    ) -> list[ShapeDataSample]:
        """Annotate the samples, each sub-space beside the joint ``embedding``.

        ``embedding_image`` meets image queries, which pass the adapter of stage 1 as in training;
        ``embedding_text`` meets texts; ``scores`` are those of the joint embedding.
        """
        image, text = self.average_views(inputs, self._stacked_branches).unbind(1)
        targets = self.teacher(data_samples)
        adapted = F.normalize(self.image_adapter(targets.image), dim=-1)
        samples = self.annotate(
            data_samples, self._join(image, text), targets._replace(image=adapted)
        )
        for i, sample in enumerate(samples):
            sample.embedding_image = image[i].clone()
            sample.embedding_text = text[i].clone()
        return samples

    def _stacked_branches(self, inputs: Tensor) -> Tensor:
        return torch.stack(self.branches(inputs), dim=1)

    def _join(self, image: Tensor, text: Tensor) -> Tensor:
        return F.normalize(text + self.image_score_weight * image, dim=-1)
