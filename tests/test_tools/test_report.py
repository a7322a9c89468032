import json
import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.run_loading import last_checkpoint, load_run
from mrd_plugin.reports.shape_report import write_report
from mrd_plugin.studies import reference_baselines
from mrd_plugin.utils.errors import CheckpointError, ConfigError
from tests.helpers.furniture import furniture_options, make_furniture

from .toy_config import run_tool


class Tower:
    """Replaces the image tower: logits by the name of the image."""

    def __init__(self, batch_size):
        pass

    def image_logits(self, paths):
        seeds = [sum(map(ord, Path(path).name)) for path in paths]
        return torch.stack(
            [torch.randn(1000, generator=torch.Generator().manual_seed(s)) for s in seeds]
        )


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory):
    """A run's folder, as training leaves it, with weights that were never trained."""
    root = tmp_path_factory.mktemp('report')
    cfg = Config.fromfile('configs/mrd/pointbert_furniture.py')
    cfg.merge_from_dict(furniture_options(make_furniture(root / 'data')))
    folder = root / 'run'
    logs = folder / '20260101_000000' / 'vis_data'
    logs.mkdir(parents=True)
    cfg.dump(folder / 'pointbert_furniture.py')
    row = dict(lr=0.1, loss=3.0, intra=1.0, weight_intra=1.1, time=6.0, epoch=1, iter=10, step=10)
    (logs / 'scalars.json').write_text(json.dumps(row) + '\n')
    state = MODELS.build(cfg.model).state_dict()
    torch.save(dict(state_dict=state, meta=dict()), folder / 'epoch_1.pth')
    (folder / 'last_checkpoint').write_text('/elsewhere/epoch_1.pth')
    return folder


def test_report_of_a_run(work_dir, monkeypatch, capsys):
    monkeypatch.setattr(reference_baselines, 'ConSETeacher', Tower)
    run_tool(monkeypatch, 'report.py', work_dir)
    assert 'index.html' in capsys.readouterr().out
    page = (work_dir / 'report' / 'index.html').read_text(encoding='utf-8')
    assert '<h1>pointbert_furniture</h1>' in page and 'icon ridge' in page
    assert 'by the tests, CC0' in page
    summary = json.loads((work_dir / 'summary.json').read_text(encoding='utf-8'))
    assert summary['train_minutes'] == 1.0
    assert (summary['n_train'], summary['n_test'], summary['seed']) == (10, 2, 0)
    assert summary['checkpoint'] == (work_dir / 'epoch_1.pth').as_posix()
    assert summary['retrieval']['image_to_shape']['n'] == 2
    assert summary['zero_shot']['teacher_top1'] is not None
    assert list(summary['references']) == [
        'chance',
        'random embedding',
        'hand-feature ridge',
        'icon ridge',
        'teacher on the icon',
    ]


def test_without_a_classifier_the_report_says_what_to_set(work_dir, monkeypatch):
    config = work_dir / 'pointbert_furniture.py'
    kept = config.read_text()
    cfg = Config.fromfile(config)
    cfg.model.classifier = None
    cfg.dump(config)
    try:
        with pytest.raises(ConfigError, match='set model.classifier'):
            write_report(load_run(work_dir))
    finally:
        config.write_text(kept)


def test_a_folder_that_is_no_run(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match='gone: there is no such folder'):
        run_tool(monkeypatch, 'report.py', tmp_path / 'gone')
    with pytest.raises(ConfigError, match='no checkpoint'):
        last_checkpoint(tmp_path)
    (tmp_path / 'epoch_1.pth').write_bytes(b'cut')
    with pytest.raises(ConfigError, match='no config'):
        load_run(tmp_path)
    (tmp_path / 'a.py').write_text('model = dict()')
    with pytest.raises(CheckpointError, match='epoch_1.pth'):
        load_run(tmp_path)


def test_the_newest_checkpoint_is_taken_without_a_pointer(tmp_path):
    for age, name in enumerate(('epoch_10.pth', 'epoch_9.pth')):
        (tmp_path / name).write_bytes(b'')
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    assert last_checkpoint(tmp_path).name == 'epoch_10.pth'
