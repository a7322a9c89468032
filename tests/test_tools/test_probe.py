import json

import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from mrd_plugin.datasets.neighbours import read_neighbours
from tests.furniture import furniture_options, shared_furniture

from .toy_config import run_tool


def test_probe_and_hard_negatives_by_command_line(tmp_path, monkeypatch, capsys):
    cfg = Config.fromfile('configs/openshape/pointbert_furniture.py')
    cfg.merge_from_dict(furniture_options(shared_furniture()))
    config, checkpoint = tmp_path / 'config.py', tmp_path / 'a.pth'
    cfg.dump(config)
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(), meta={}), checkpoint)

    flags = ['--shots', 1, '--draws', 2, '--features', 'embedding', '--out', tmp_path / 'probe']
    run_tool(monkeypatch, 'probe.py', config, checkpoint, *flags)
    printed = capsys.readouterr().out
    assert '| k-NN | 1 |' in printed and '| 1-shot | 2 |' in printed
    assert 'Features: embedding. N test shapes: 2.' in printed
    (record,) = (tmp_path / 'probe').glob('*_embedding.json')
    rows = json.loads(record.read_text())['rows']
    assert set(rows) == {'linear probe', 'k-NN', '1-shot'}
    assert record.with_suffix('.md').read_text() in printed + '\n'

    table = tmp_path / 'neighbours.npz'
    run_tool(monkeypatch, 'build_hard_negatives.py', config, checkpoint, '--out', table, '-k', 3)
    assert '22 shapes, 3 neighbours each by shape; 0 have none' in capsys.readouterr().out
    assert read_neighbours(table).rows.shape[1] == 3
