import copy
import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from mrd_plugin.apis import features as features_module
from mrd_plugin.apis.features import checkpoint_features, extract_features, load_frozen
from mrd_plugin.apis.run_loading import build_dataset
from mrd_plugin.studies.probing import Ladder, Probes, data_parts, probe
from mrd_plugin.utils.errors import CheckpointError, ConfigError
from tests.helpers.furniture import furniture_options, shared_furniture


@pytest.fixture(scope='module')
def cfg():
    cfg = Config.fromfile('configs/openshape/pointbert_furniture.py')
    cfg.merge_from_dict(furniture_options(shared_furniture()))
    return cfg


@pytest.fixture(scope='module')
def checkpoint(cfg, tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('checkpoint') / 'a.pth'
    geometry = dict(up_axis='z', no_colour=0.4, in_channels=7)
    model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict(), meta=dict(geometry=geometry)), path)
    return path


def test_features_are_the_models_own(cfg, checkpoint):
    model = load_frozen(cfg, checkpoint)
    dataset = build_dataset(data_parts(cfg)['test'])
    inputs = torch.stack([dataset[i]['inputs'] for i in range(len(dataset))])
    with torch.no_grad():
        views = inputs.chunk(4, dim=1)
        expected = {
            'backbone': sum(model.backbone(view) for view in views) / 4,
            'embedding': sum(model.embed(view) for view in views) / 4,
        }
    for name, values in expected.items():
        found = extract_features(model, dataset, name)
        np.testing.assert_allclose(found.values, values, atol=1e-5)
        assert found.ids == tuple(dataset[i]['data_samples'].sample_id for i in range(len(dataset)))
    with pytest.raises(ConfigError, match='ShapeAligner has backbone, embedding'):
        extract_features(model, dataset, 'text_branch')


def test_made_once_for_each_checkpoint(cfg, checkpoint, tmp_path, monkeypatch):
    calls = []
    real = features_module.extract_features

    def counted(*args):
        calls.append(args)
        return real(*args)

    monkeypatch.setattr(features_module, 'extract_features', counted)
    parts = data_parts(cfg)
    first = checkpoint_features(cfg, checkpoint, parts, 'backbone', tmp_path)
    again = checkpoint_features(cfg, checkpoint, parts, 'backbone', tmp_path)
    assert len(calls) == 2  # training and test part
    for part in parts:
        np.testing.assert_array_equal(first[part].values, again[part].values)
    checkpoint_features(cfg, checkpoint, parts, 'embedding', tmp_path)
    assert len(calls) == 4


def test_a_classifier_takes_the_same_backbone(cfg, checkpoint):
    other = Config.fromfile('configs/mrd/benchmarks/pointbert_furniture_linear-probe.py')
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        other[loader].dataset.data_root = cfg[loader].dataset.data_root
        other[loader].dataset.ann_file = cfg[loader].dataset.ann_file
    dataset = build_dataset(data_parts(cfg)['test'])
    base = extract_features(load_frozen(cfg, checkpoint), dataset)
    ours = extract_features(load_frozen(other, checkpoint), dataset)
    np.testing.assert_array_equal(base.values, ours.values)


def test_contradicting_data_and_foreign_checkpoints_are_refused(cfg, checkpoint, tmp_path):
    other = copy.deepcopy(cfg)
    other.test_dataloader.dataset.no_colour = 0.0
    with pytest.raises(ConfigError, match='no_colour=0.4, but'):
        load_frozen(cfg, checkpoint, other)
    torch.save(dict(state_dict={'x': torch.zeros(1)}), tmp_path / 'b.pth')
    with pytest.raises(CheckpointError, match='Only 0.0%'):
        load_frozen(cfg, tmp_path / 'b.pth')


def test_every_probe_has_its_row(cfg, checkpoint, tmp_path):
    probes = Probes(shots=(1, 2), draws=3)
    rows = probe(cfg, checkpoint, data_parts(cfg), probes, tmp_path)
    assert list(rows) == ['linear probe', 'k-NN', '1-shot', '2-shot']
    assert [len(figures) for figures in rows.values()] == [1, 1, 3, 3]
    assert all(figures[0]['accuracy/n'] == 2 for figures in rows.values())
    assert all('accuracy_without_plugs/top1' in figures[0] for figures in rows.values())
    ways = Probes(kinds=('few-shot',), shots=(1,), ways=2, draws=2)
    assert list(probe(cfg, checkpoint, data_parts(cfg), ways, tmp_path)) == ['2-way 1-shot']


def test_folds_never_mix_parts():
    cfg = Config.fromfile('configs/mrd/pointbert_furniture.py')
    for part, train in (('test', ['train', 'val']), ('val', ['train'])):
        parts = data_parts(cfg, 3, part)
        assert parts['train']['split'] == train and parts['test']['split'] == part
        assert all(one['ann_file'].endswith('fold3.json') for one in parts.values())
        assert parts['train']['pipeline'] == cfg.test_dataloader.dataset.pipeline  # no augmentation


def test_the_ladder_pairs_runs_and_hands_each_its_own_checkpoint(tmp_path):
    ladder = Ladder(
        'configs/mrd/pointbert_furniture.py',
        'configs/mrd/benchmarks/pointbert_furniture_finetune.py',
        None,
        folds=(0, 2),
        seeds=(0, 1),
        out=str(tmp_path),
        checkpoints=str(tmp_path / 'fold{fold}_seed{seed}.pth'),
    )
    for fold, seed in ladder.pairs:
        (tmp_path / f'fold{fold}_seed{seed}.pth').touch()
    assert ladder.pairs == [(0, 0), (0, 1), (2, 0), (2, 1)]
    named = [path.name for path in ladder.pretrained()]
    assert named == [f'fold{fold}_seed{seed}.pth' for fold, seed in ladder.pairs]
    (tmp_path / 'fold2_seed1.pth').unlink()
    with pytest.raises(FileNotFoundError, match='fold2_seed1.pth: there is no such checkpoint'):
        ladder.pretrained()
    assert ladder.rows(Probes(kinds=('knn', 'few-shot'), shots=(4,), ways=5)) == [
        'k-NN',
        '5-way 4-shot',
        'fine-tuned',
    ]


@pytest.mark.parametrize(
    ('pattern', 'seeds', 'wanted'),
    [
        ('a.pth', (0,), '{fold} in the name'),
        ('a_{seed}.pth', (0,), '{fold} in the name'),
        ('a_{fold}.pth', (0, 1), '{fold} and {seed} in the name'),
        ('a_{fold}_{epoch}.pth', (0,), '{fold} in the name'),
        ('a_{fold.pth', (0,), '{fold} in the name'),
    ],
)
def test_folds_never_share_a_checkpoint(pattern, seeds, wanted):
    with pytest.raises(ConfigError, match=re.escape(f'--checkpoints {pattern}: expected {wanted}')):
        Ladder('a.py', None, None, (0,), seeds, checkpoints=pattern)


def test_a_fold_without_a_split_file_is_refused():
    with pytest.raises(
        ConfigError, match='--folds 9: .*fold9.json is missing.* are: 0, 1, 2, 3, 4'
    ):
        Ladder('a.py', None, None, (0, 9))
