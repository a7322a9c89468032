"""Every detection config takes its backbone, trains two steps on a real frame, and is scored."""

import operator
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mrd_plugin.engine import collect_geometry
from tests.helpers.detection import pretrained_checkpoint, pretrainings, run_uncompiled, shrink
from tests.test_configs.test_shape_configs import DETECTION

OVERFIT = [name for name in DETECTION if 'overfit' in name]
PRETRAINED = [name for name in DETECTION if 'scratch' not in name and name not in OVERFIT]


@pytest.fixture(autouse=True)
def scope():
    """Leave no default scope of mmdet3d behind."""
    yield
    DefaultScope.get_instance(f'after_detection_{id(object())}', scope_name='mmengine')


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    run_uncompiled(monkeypatch)


@pytest.fixture(scope='module')
def known():
    return pretrainings()


def test_no_config_is_left_out():
    assert {
        'overfit/second_kitti-frames.py',
        'second_kitti_cmcr.py',
        'second_kitti_scratch.py',
    } <= {name[len('configs/detection/') :] for name in DETECTION}
    scratch = {
        f'{name[: name.rindex("_")]}_scratch.py' for name in PRETRAINED if 'ulip2' not in name
    }
    assert sorted([*PRETRAINED, *scratch, *OVERFIT]) == DETECTION


TRAINED = [name for name in PRETRAINED if 'slidr' not in name]  # CMCR's is the same network


@pytest.mark.parametrize('path', [*TRAINED, 'configs/detection/overfit/second_kitti-frames.py'])
def test_trains_from_its_backbone_and_is_scored(path, known, tmp_path):
    cfg = shrink(path, tmp_path / path.replace('/', '-'))
    hook = cfg.default_hooks.pretrained
    weights = {}
    if path in PRETRAINED:
        weights = pretrained_checkpoint(cfg, tmp_path / 'pre-trained.pth', known)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 2
    module = operator.attrgetter(hook.module)(runner.model)
    tuned = dict(module.named_parameters())
    assert all(value.isfinite().all() for value in tuned.values())
    scalars = runner.message_hub.log_scalars
    assert torch.tensor(scalars['train/loss'].current()).isfinite()
    assert any(name.startswith('val/') and 'AP' in name for name in scalars)
    if weights:
        assert weights.keys() == module.state_dict().keys()
        drift = max(float((weights[k] - v.detach()).abs().max()) for k, v in tuned.items())
        # two steps of Adam from the given backbone, not from another start
        assert 0 < drift < 3 * cfg.optim_wrapper.optimizer.lr


@pytest.mark.parametrize('path', [name for name in PRETRAINED if 'slidr' in name])
def test_slidr_pretrains_the_network_that_cmcr_does(path, known):
    ours, others = (
        Config.fromfile(
            known[str(Path(Config.fromfile(name).default_hooks.pretrained.checkpoint).parent)]
        )
        for name in (path, path.replace('slidr', 'cmcr'))
    )
    assert ours.model.type == 'SLidR' and others.model.type == 'CMCR'
    assert ours.model.backbone == others.model.backbone
    assert ours.model.data_preprocessor == others.model.data_preprocessor
    assert collect_geometry(ours) == collect_geometry(others)


@pytest.mark.parametrize('path', [name for name in PRETRAINED if 'ulip2' not in name])
def test_variants_differ_in_their_start_alone(path):
    """So a scratch config trains if its variant does, and the comparison is one of weights."""
    whole = Config.fromfile(path).to_dict()
    scratch = Config.fromfile(f'{path[: path.rindex("_")]}_scratch.py').to_dict()
    assert scratch['default_hooks']['pretrained'].pop('checkpoint') is None
    assert whole['default_hooks']['pretrained'].pop('checkpoint').startswith('work_dirs/')
    assert whole.pop('work_dir') != scratch.pop('work_dir')
    assert whole == scratch
