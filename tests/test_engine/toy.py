"""A real Runner around a toy model whose augmentation, dropout and EMA all use random numbers."""

from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS
from mmengine.runner import Runner
from torch import nn

import mrd_plugin.engine  # noqa: F401 - registers the hooks
from mrd_plugin.structures import ShapeDataSample


@DATASETS.register_module(force=True)
class ToyShapes(torch.utils.data.Dataset):
    METAINFO = {'classes': ('a', 'b'), 'no_colour': 0.4}

    def __init__(self, size=12, up_axis='z', nan_at=None, bad=(), weights=False):
        self.size, self.nan_at, self.bad = size, nan_at, bad
        self.metainfo = {**self.METAINFO, 'up_axis': up_axis}
        if weights:
            self.metainfo['weights'] = np.ones(2)

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        noise = np.random.rand(4)  # noqa: NPY002
        noise += random.random() + torch.rand(1).item()
        inputs = torch.from_numpy(noise).float() * 0.1 + index
        if index == self.nan_at:
            inputs[0] = float('nan')
        sample = ShapeDataSample()
        sample.set_metainfo({'sample_id': f'shape-{index}'})
        if index in self.bad:
            sample.set_metainfo({'skipped': [f'broken-{index}']})
        return {'inputs': inputs, 'data_samples': sample}


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    def __init__(self, backbone=None, poison=None):
        super().__init__()
        self.poison = poison
        self.layers = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1)
        )

    def forward(self, inputs, data_samples=None, mode='tensor'):
        out = self.layers(torch.stack(list(inputs)))
        if mode == 'predict':
            torch.rand(3)  # validation moves the random stream
            return [{'score': value} for value in out]
        losses = {'align_loss': out.square().mean(), 'relation_loss': out.abs().mean()}
        if self.poison:
            losses[self.poison] = losses[self.poison] * float('nan')
        losses['entropy'] = out.mean()
        return losses


@METRICS.register_module(force=True)
class ToyMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += [one['score'].item() for one in data_samples]

    def compute_metrics(self, results):
        return {'acc': float(np.mean(results))}


@HOOKS.register_module(force=True)
class RecordLosses(Hook):
    def __init__(self):
        self.losses = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(outputs['loss'].item())


def config(work_dir, epochs=4, workers=0, hooks=(), checkpoint=None, seed=3, **dataset):
    loader = dict(
        batch_size=4,
        num_workers=workers,
        persistent_workers=workers > 0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(type='ToyShapes', **dataset),
        collate_fn=dict(type='pseudo_collate'),
    )
    return dict(
        model=dict(type='ToyModel'),
        work_dir=str(work_dir),
        train_dataloader=loader,
        val_dataloader={
            **loader,
            'num_workers': 0,
            'persistent_workers': False,
            'sampler': dict(type='DefaultSampler', shuffle=False),
            'dataset': dict(type='ToyShapes', size=4),
        },
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1),
        val_cfg=dict(),
        val_evaluator=dict(type='ToyMetric'),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.01)),
        param_scheduler=dict(type='CosineAnnealingLR', T_max=4, by_epoch=True),
        default_hooks=dict(
            checkpoint=checkpoint or dict(type='AtomicCheckpointHook', interval=1, save_best='acc'),
            logger=dict(type='LoggerHook', interval=1),
        ),
        custom_hooks=[dict(type='RecordLosses'), *hooks],
        env_cfg=dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0)),
        randomness=dict(seed=seed),
        default_scope='mmengine',
        visualizer=None,
        log_level='WARNING',
        experiment_name=str(work_dir).replace('/', '_'),
    )


OURS = (
    dict(type='NonFiniteLossHook'),
    dict(type='BadSampleHook', max_bad_fraction=0.5),
    dict(type='RNGStateHook'),
    dict(type='EMAHook', momentum=0.1),
)


def train(cfg, resume=None):
    """Train and return the runner and the losses of its steps."""
    cfg = dict(cfg, experiment_name=f'{cfg["experiment_name"]}_{random.random()}')
    if resume is not None:
        cfg.update(resume=True, load_from=str(resume))
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner, next(h for h in runner.hooks if isinstance(h, RecordLosses)).losses
