"""A detector that is fitted to a room: runs, table, what is refused."""

import json

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

import mrd_plugin  # noqa: F401
from mrd_plugin.studies.detector_overfit import SCRATCH, Fit, overfit, overfit_table
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.detection import shrink

CONFIG = 'configs/detection/overfit/votenet_pointbert_sunrgbd-frame.py'


@pytest.fixture(autouse=True)
def scope():
    yield
    DefaultScope.get_instance('after_overfit', scope_name='mmengine')


def test_a_detector_is_fitted_to_a_real_room(tmp_path):
    cfg = shrink(CONFIG, tmp_path)
    cfg.pop('experiment_name')
    cfg.train_cfg.update(max_epochs=3, val_interval=3)
    (fit,) = overfit(cfg, [None], [1])
    assert (fit.start, fit.seed, len(fit.losses)) == (SCRATCH, 1, 6)
    assert np.isfinite(fit.losses).all()
    assert 0 <= fit.ap50 <= fit.ap25 <= 100 and fit.seconds > 0
    (saved,) = json.loads((tmp_path / 'overfit.json').read_text())
    assert saved['losses'] == fit.losses


def test_the_table_shows_the_loss_from_the_first_to_the_last_step():
    fits = [Fit('a.pth', 0, [5.0, 4.0, 3.0, 2.0, 1.0], 100.0, 50.0, 9.6)]
    lines = overfit_table(fits, columns=3).splitlines()
    assert (
        lines[0] == '| start | seed | loss at 1 | loss at 3 | loss at 5 | AP25 | AP50 | seconds |'
    )
    assert lines[2] == '| a.pth | 0 | 5.000 | 3.000 | 1.000 | 100.0 | 50.0 | 10 |'


def test_a_config_without_the_hook_is_refused(tmp_path):
    metric = dict(type='IndoorMetric')
    cfg = Config(dict(default_hooks=dict(), val_evaluator=metric, work_dir=str(tmp_path)))
    with pytest.raises(ConfigError, match='default_hooks.pretrained is missing'):
        list(overfit(cfg, [None], [0]))


def test_a_config_that_detects_nothing_is_refused():
    cfg = Config.fromfile('configs/mrd/pointbert_furniture.py')
    said = 'val_evaluator is ZeroShotAccuracy .*, expected IndoorMetric; take a config of '
    said += 'configs/detection'
    with pytest.raises(ConfigError, match=f'pointbert_furniture.py: {said}'):
        list(overfit(cfg, [None], [0]))


def test_a_missing_checkpoint_is_named_before_a_run(tmp_path):
    cfg = shrink(CONFIG, tmp_path)
    with pytest.raises(FileNotFoundError, match='none.pth: there is no such checkpoint'):
        list(overfit(cfg, [None, 'none.pth'], [0]))
