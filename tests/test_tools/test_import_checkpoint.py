import re

import pytest
import torch

from mrd_plugin.apis import load_encoder
from mrd_plugin.engine.converters import FACTS
from tests.test_engine.test_converters import files
from tests.test_engine.test_converters.test_families import BERT

from .toy_config import run_tool

TOOL = 'model_converters/import_checkpoint.py'


def settings(values):
    return ['--set', *(f'{key}={value}' for key, value in values.items())]


def test_import_prints_the_table_and_writes(tmp_path, monkeypatch, capsys):
    torch.save(files.point_bert_finetuned(), tmp_path / 'modelnet.pth')
    arguments = [tmp_path / 'modelnet.pth', '--out-dir', tmp_path / 'out', '--format', '.pth']
    run_tool(monkeypatch, TOOL, *arguments, *settings(dict(BERT, up_axis='z')))
    out = capsys.readouterr().out
    (written,) = (tmp_path / 'out').iterdir()
    assert re.fullmatch(r'point-bert-finetuned-[0-9a-f]{8}\.pth', written.name)
    assert f'written     {written}' in out and 'cls_head_finetune' in out
    assert load_encoder(written).meta['geometry']['up_axis'] == 'z'


def test_refusals_are_one_sentence(tmp_path, monkeypatch):
    torch.save(files.ulip(), tmp_path / 'a.pt')
    for arguments, said in (
        ([tmp_path / 'none.pt'], 'none.pt: there is no such checkpoint'),
        ([tmp_path / 'a.pt', '--family', 'ulip2'], 'of the family ulip and not of ulip2'),
        ([tmp_path / 'a.pt', *settings(dict(BERT, pool='max'))], "got 'max'"),
    ):
        with pytest.raises(SystemExit) as left:
            run_tool(monkeypatch, TOOL, *arguments, '--out-dir', tmp_path / 'out')
        assert said in left.value.code and '\n' not in left.value.code
    assert not (tmp_path / 'out').exists()


def test_help_has_examples_and_families(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run_tool(monkeypatch, TOOL, '--help')
    out = capsys.readouterr().out
    assert 'examples:' in out and all(name in out for name in FACTS)
