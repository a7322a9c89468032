import pytest

from .toy_config import run_tool

TOOL = 'prepare/furniture_splits.py'


def test_refusals_are_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match='^Error: .*index.json does not exist; run tools/prepare'):
        run_tool(monkeypatch, TOOL, '--data', tmp_path)
    index = tmp_path / 'index.json'
    index.write_text('[]')
    with pytest.raises(
        SystemExit, match='^Error: .*index.json/out: this path leads through a file'
    ):
        run_tool(monkeypatch, TOOL, '--data', tmp_path, '--out', index / 'out')
