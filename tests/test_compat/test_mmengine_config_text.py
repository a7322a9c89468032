"""A config's text is what mmengine and yapf make of it, and is made once."""

import copy

from mmengine.config import Config
from mmengine.config import config as mmengine_config

import mrd_plugin  # noqa: F401
from mrd_plugin.compat import mmengine_config_text


def test_text_is_yapfs_and_is_formatted_once(monkeypatch):
    cfg = Config.fromfile('configs/openshape/pointbert_furniture.py')
    ours = cfg.pretty_text
    made = mmengine_config.FormatCode.formatted_texts.cache_info().misses
    assert copy.deepcopy(cfg).pretty_text == ours
    assert mmengine_config.FormatCode.formatted_texts.cache_info().misses == made
    cfg.train_cfg.max_epochs += 1
    assert cfg.pretty_text != ours  # another text is another entry
    cfg.train_cfg.max_epochs -= 1
    yapf = mmengine_config.yapf.yapflib.yapf_api
    monkeypatch.setattr(mmengine_config, 'FormatCode', yapf.FormatCode)
    assert cfg.pretty_text == ours


def test_remembering_twice_changes_nothing():
    before = mmengine_config.FormatCode
    mmengine_config_text.remember()
    assert mmengine_config.FormatCode is before
