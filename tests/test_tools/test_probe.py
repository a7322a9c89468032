import json

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from mrd_plugin.datasets.shapes.neighbours import read_neighbours
from tests.helpers.furniture import furniture_options, shared_furniture

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
    (record,) = (tmp_path / 'probe').glob('*.json')
    assert record.name.endswith('_a_embedding_shots1_draws2.json')
    rows = json.loads(record.read_text())['rows']
    assert set(rows) == {'linear probe', 'k-NN', '1-shot'}
    assert record.with_suffix('.md').read_text() in printed + '\n'

    table = tmp_path / 'neighbours.npz'
    run_tool(monkeypatch, 'build_hard_negatives.py', config, checkpoint, '--out', table, '-k', 3)
    assert '22 shapes, 3 neighbours each by shape; 0 have none' in capsys.readouterr().out
    assert read_neighbours(table).rows.shape[1] == 3


CONFIG = 'configs/mrd/pointbert_furniture.py'


@pytest.mark.parametrize(
    ('flags', 'said'),
    [
        (['a.pth', '--seeds', 1, '--scratch', 'b.py'], '--seeds, --scratch can only be given with'),
        (['--folds', 0, '--data', 'b.py'], '--data can not be given with --folds'),
        (['a.pth', '--shots', -1], "--shots: expected a whole number of 1 or more, got '-1'"),
        (['--folds', 0, '--options', 'foo'], "--options: expected KEY=VALUE, got 'foo'"),
    ],
)
def test_flags_that_do_not_fit_are_refused(monkeypatch, capsys, flags, said):
    with pytest.raises(SystemExit) as left:
        run_tool(monkeypatch, 'probe.py', CONFIG, *flags)
    assert left.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ('flags', 'said'),
    [
        (
            ['--base', 'x'],
            "--base 'x': expected one of the rows linear probe, k-NN, 1-shot, 2-shot",
        ),
        (['--checkpoints', 'a.pth'], '--checkpoints a.pth: expected {fold} in the name'),
        (['--scratch', 'none.py'], 'none.py: there is no such config'),
    ],
)
def test_a_ladder_that_can_not_be_run_is_refused(tmp_path, monkeypatch, flags, said):
    monkeypatch.setattr('mrd_plugin.apis.launch.require_data', lambda *_: None)
    with pytest.raises(SystemExit) as left:
        run_tool(
            monkeypatch,
            'probe.py',
            CONFIG,
            '--folds',
            0,
            '--shots',
            1,
            2,
            '--out',
            tmp_path,
            *flags,
        )
    assert left.value.code.startswith(f'Error: {said}')


def test_an_output_folder_that_can_not_be_made_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr('mrd_plugin.apis.launch.require_data', lambda *_: None)
    file = tmp_path / 'file'
    file.touch()
    for out, said in ((file, 'a file of this name is in the way'), (file / 'out', 'no folder')):
        with pytest.raises(SystemExit) as left:
            run_tool(monkeypatch, 'probe.py', CONFIG, 'a.pth', '--out', out)
        assert left.value.code.startswith(f'Error: {out}: ') and said in left.value.code
