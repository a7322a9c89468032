"""The toy run of tests/test_engine as a config file, and the tools as functions."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from mmengine.config import Config

from tests.test_engine.toy import OURS, config

TOOLS = Path(__file__).parents[2] / 'tools'


def run_tool(monkeypatch, name, *arguments):
    """Run a tool's ``main`` in this process."""
    spec = importlib.util.spec_from_file_location(f'tool_{Path(name).stem}', TOOLS / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    module.main()


def write_config(folder, epochs=2, **changes):
    """Write a config file whose work directory is the default one."""
    cfg = config('unused', epochs, hooks=OURS)
    del cfg['work_dir'], cfg['experiment_name']
    cfg.update(
        custom_imports=dict(imports=['tests.test_engine.toy']),
        test_dataloader=cfg['val_dataloader'],
        test_cfg=dict(),
        test_evaluator=dict(type='ToyMetric'),
        visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
    )
    cfg.update(changes)
    path = folder / 'toy_config.py'
    Config(cfg).dump(path)
    return path
