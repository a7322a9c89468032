import copy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from mrd_plugin.data_preparation.hard_negatives import build_hard_negatives, nearest_rows
from mrd_plugin.datasets.shapes.neighbours import read_neighbours
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.furniture import furniture_options, shared_furniture


def slow(features, k, has, groups):
    """All pairs, sorted."""
    unit = features / features.norm(dim=1, keepdim=True).clamp(min=1e-12)
    out = []
    for a in range(len(unit)):
        others = [
            (-float(unit[a] @ unit[b]), b)
            for b in range(len(unit))
            if b != a and has[a] and has[b] and groups[a] != groups[b]
        ]
        near = [b for _, b in sorted(others)[:k]]
        out.append(near + [-1] * (k - len(near)))
    return out


@pytest.mark.parametrize('block', [1, 7, 100])
@pytest.mark.parametrize('k', [3, 40])
def test_equals_sorting_all_pairs(block, k):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(30, 5, generator=generator)
    has = torch.rand(30, generator=generator) > 0.2
    groups = torch.randint(0, 12, (30,), generator=generator)
    found = nearest_rows(features, k, has, groups, block)
    assert found.tolist() == slow(features, k, has.tolist(), groups.tolist())
    alone = torch.arange(30)
    plain = nearest_rows(features, k, block=block)
    assert plain.tolist() == slow(features, k, [True] * 30, alone.tolist())


@pytest.fixture(scope='module')
def cfg():
    cfg = Config.fromfile('configs/openshape/pointbert_furniture.py')
    cfg.merge_from_dict(furniture_options(shared_furniture()))
    return cfg


def test_text_neighbours_lack_where_texts_do(cfg, tmp_path):
    cfg = copy.deepcopy(cfg)
    cfg.train_dataloader.dataset.text_fraction = 0.5
    out = tmp_path / 'n.npz'
    counts = build_hard_negatives(cfg, None, out, 'text', k=3)
    table = read_neighbours(out)
    silent = (table.rows < 0).all(axis=1)
    assert counts == dict(shapes=len(table.ids), without=int(silent.sum()))
    assert silent.sum() == len(table.ids) // 2
    assert not np.isin(np.flatnonzero(silent), table.rows).any()
    assert table.meta['space'] == 'text'


def test_shape_and_image_neighbours(cfg, tmp_path):
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(), meta={}), tmp_path / 'c.pth')
    for space, checkpoint in (('shape', tmp_path / 'c.pth'), ('image', None)):
        build_hard_negatives(cfg, checkpoint, tmp_path / 'n.npz', space, k=2)
        table = read_neighbours(tmp_path / 'n.npz')
        assert table.rows.shape == (len(table.ids), 2) and (table.rows >= 0).all()
    with pytest.raises(ConfigError, match='give a checkpoint, or --space text'):
        build_hard_negatives(cfg, None, tmp_path / 'n.npz', 'shape')
    with pytest.raises(ConfigError, match="space='colour'"):
        build_hard_negatives(cfg, None, tmp_path / 'n.npz', 'colour')
    for k in (0, 22):
        with pytest.raises(ConfigError, match=f'k={k}: expected 1 to 21, the training shapes'):
            build_hard_negatives(cfg, None, tmp_path / 'n.npz', 'text', k)


@pytest.mark.parametrize(
    ('config', 'said'),
    [
        (
            'cmcr/minkunet18_zod-sample.py',
            'train_dataloader.dataset is .*, expected a data set of shapes',
        ),
        (
            'mrd/benchmarks/pointbert_furniture_finetune.py',
            'model.teacher is None, expected one of images',
        ),
    ],
)
def test_configs_of_other_families_are_refused(tmp_path, config, said):
    with pytest.raises(ConfigError, match=f'{config}: {said}'):
        build_hard_negatives(Config.fromfile(f'configs/{config}'), None, tmp_path / 'n.npz', 'text')
