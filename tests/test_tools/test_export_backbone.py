import pytest
import torch

from mrd_plugin.apis import load_backbone

from .toy_config import run_tool

TOOL = 'model_converters/export_backbone.py'
CFG = "model = dict(type='Any', backbone=dict(type='CoverageBackbone', channels=2))"


def test_exports_and_says_where(tmp_path, monkeypatch, capsys):
    from tests.test_engine.test_hooks.test_pretrained_coverage import CoverageBackbone

    state = {f'backbone.{k}': v for k, v in CoverageBackbone(2).state_dict().items()}
    meta = dict(cfg=CFG, geometry=dict(up_axis='z'))
    torch.save(dict(state_dict=state, meta=meta), tmp_path / 'epoch_1.pth')
    arguments = [tmp_path / 'epoch_1.pth', '--out-dir', tmp_path / 'out', '--format', '.pth']
    run_tool(monkeypatch, TOOL, *arguments)
    (written,) = (tmp_path / 'out').iterdir()
    assert written.suffix == '.pth' and f'written     {written}' in capsys.readouterr().out
    loaded = load_backbone(written).state_dict()
    assert all(torch.equal(state[f'backbone.{name}'], loaded[name]) for name in loaded)
    with pytest.raises(SystemExit) as left:
        run_tool(monkeypatch, TOOL, tmp_path / 'none.pth')
    assert left.value.code == f'Error: {tmp_path}/none.pth: there is no such checkpoint.'


def test_help_has_examples(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run_tool(monkeypatch, TOOL, '--help')
    out = capsys.readouterr().out
    assert 'examples:' in out and 'PretrainedCoverageHook' in out and '--format .pth' in out


def test_a_folder_that_can_not_be_made_is_named(tmp_path, monkeypatch):
    from tests.test_engine.test_hooks.test_pretrained_coverage import CoverageBackbone

    state = {f'backbone.{k}': v for k, v in CoverageBackbone(2).state_dict().items()}
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(state_dict=state, meta=dict(cfg=CFG, geometry=dict(up_axis='z'))), path)
    with pytest.raises(SystemExit) as left:
        run_tool(monkeypatch, TOOL, path, '--out-dir', path / 'out')
    assert left.value.code.startswith(f'Error: {path}/out: this path leads through a file')
