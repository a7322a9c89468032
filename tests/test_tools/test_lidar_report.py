"""The page of an image-to-LiDAR run, made by the tool from a run of two steps."""

import json

import pytest

from tests.helpers.lidar import make_zod
from tests.test_configs.test_lidar_configs import train

from .toy_config import run_tool


@pytest.mark.parametrize('method', ['cmcr', 'scalr'])
def test_the_page_holds_what_the_method_has(method, tmp_path, monkeypatch):
    folders = {'zod': make_zod(tmp_path / 'zod')}
    work_dir = tmp_path / 'run'
    train(f'configs/{method}/minkunet18_zod-sample.py', folders, work_dir, 1)
    run_tool(monkeypatch, 'report.py', work_dir)
    page = (work_dir / 'report' / 'index.html').read_text(encoding='utf-8')
    assert page.count('data-match="match') >= 1 and 'id="matches"' in page
    for title in ('Rebuilt images', 'Estimated occupancy', 'Codebook'):
        assert (f'<h2>{title}</h2>' in page) is (method == 'cmcr')
    assert 'http://' not in page.replace('http://www.w3.org', '') and 'src="http' not in page
    summary = json.loads((work_dir / 'summary.json').read_text())
    assert summary['n_val'] >= 1 and summary['n_train'] >= 1
    term = 'loss_contrast' if method == 'cmcr' else 'loss_distance'
    assert 0 < summary['validation'][term] < 20
    assert summary['checkpoint'].endswith('epoch_1.pth')
