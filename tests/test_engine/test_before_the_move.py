"""A config and a checkpoint that an earlier tree of the package wrote stay valid."""

import json
import shutil
from pathlib import Path

import pytest

from mrd_plugin.apis import load_backbone
from tests.test_datasets.test_shapes.samples import openshape_folder, record
from tests.test_tools.toy_config import run_tool

DATA = Path(__file__).parents[1] / 'data' / 'before_the_move'
# What that tree logged of the second epoch, whose two steps follow the checkpoint.
EXPECTED = {3: 10.815457979838053, 4: 10.631524801254272}


def test_a_run_goes_on_where_the_earlier_tree_left_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    openshape_folder(Path('data/openshape'), [record(f'u{i}', i) for i in range(8)])
    shutil.copy(DATA / 'mrd_tiny.py', 'mrd_tiny.py')
    run_tool(
        monkeypatch,
        'train.py',
        'mrd_tiny.py',
        '--work-dir',
        'run',
        '--resume',
        DATA / 'epoch_1.pth',
    )
    (log,) = Path('run').glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    losses = {row['step']: row['loss'] for row in rows if 'loss' in row}
    assert losses == pytest.approx(EXPECTED, rel=1e-4)


def test_its_backbone_is_loaded_by_its_names():
    backbone = load_backbone(DATA / 'epoch_1.pth')
    assert type(backbone).__name__ == 'PointPatchTransformer' and backbone.out_channels == 16
