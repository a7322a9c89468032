"""Backbones out of files: our own trainings, names, settings that contradict."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from mrd_plugin.apis import import_checkpoint, load_backbone, load_encoder, weights
from mrd_plugin.engine import check_meta, collect_geometry, read_checkpoint
from mrd_plugin.engine.converters import FACTS
from mrd_plugin.utils.errors import CheckpointError, ConfigError
from tests.test_configs.test_shape_configs import openshape, openshape_options, train  # noqa: F401
from tests.test_engine.test_converters import files
from tests.test_engine.test_converters.test_families import BERT, PPAT
from tests.test_engine.toy import OURS, ToyModel, config
from tests.test_engine.toy import train as train_toy

SMALL = dict(PPAT, sa_hidden=16, num_patches=4)
CONFIG = 'configs/openshape/pointbert_objaverse.py'


@pytest.fixture(scope='module')
def trained(openshape, tmp_path_factory):  # noqa: F811
    """A checkpoint of a real training of ours, and the model that was trained."""
    options = openshape_options(openshape)
    options.update({f'model.backbone.{key}': value for key, value in SMALL.items()})
    options['model.head.in_channels'] = SMALL['dim']
    work_dir = tmp_path_factory.mktemp('own')
    runner = train(CONFIG, options, work_dir, 1)
    return work_dir / 'epoch_1.pth', runner


@torch.no_grad()
def test_our_own_checkpoints_know_their_config(trained):
    path, _ = trained
    content = read_checkpoint(path)
    encoder = load_encoder(path)
    state = encoder.backbone.state_dict()
    assert all(torch.equal(content['state_dict'][f'backbone.{k}'], v) for k, v in state.items())
    assert encoder.backbone.sa.radius == 0.5 and encoder.backbone.sa.num_patches == 4
    cloud = torch.rand(1, 50, 6)
    assert encoder.head(encoder.backbone(cloud)).shape == (1, 1280)
    assert encoder.meta['geometry']['up_axis'] == 'z' and encoder.meta['geometry']['radius'] == 0.5
    assert '100.0% of the module' in encoder.report
    with pytest.raises(ConfigError, match='knows its own settings'):
        load_encoder(path, family='ulip')


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda c: c['state_dict'].pop('backbone.cls_token'), 'Only .*1 missing: cls_token'),
        (lambda c: c['state_dict'].update({'backbone.x': torch.ones(1)}), '1 unexpected: x'),
        (
            lambda c: c['meta'].update(
                cfg=c['meta']['cfg'].replace("'PointPatchTransformer'", "'os.system'")
            ),
            "asks for type='os.system'",
        ),
        (lambda c: c['meta'].update(cfg='model = ('), 'its meta holds no config that can be read'),
        (lambda c: c['meta'].update(cfg='model = open("x", "w")'), 'no config that can be read'),
        (
            lambda c: c['meta'].update(backbone=dict(type='os.system', command='touch x')),
            "type='os.system', which is no registered module",
        ),
        (
            lambda c: c['meta'].update(backbone=dict(type='PointBERT', heads=3)),
            "its PointBERT can not be built .*'heads'",
        ),
    ],
)
def test_a_damaged_or_forged_checkpoint_of_ours(trained, tmp_path, monkeypatch, change, said):
    monkeypatch.chdir(tmp_path)
    content = read_checkpoint(trained[0])
    change(content)
    content.pop('message_hub')
    torch.save(content, 'own.pth')
    with pytest.raises(CheckpointError, match=f'own.pth: .*{said}') as caught:
        load_backbone('own.pth')
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'x').exists()


def test_names_find_files_that_are_here(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, 'WEIGHT_FOLDERS', (tmp_path / 'a', tmp_path / 'b'))
    torch.save(files.ulip2(), tmp_path / 'model.pt')
    written, _ = import_checkpoint(tmp_path / 'model.pt', tmp_path / 'b', settings=BERT)
    assert weights.find_weights('ulip2') == written
    assert load_encoder('ulip2').meta['published']['family'] == 'ulip2'
    with pytest.raises(FileNotFoundError, match='download .*checkpoint_pointbert.pt.*SFXX/ulip'):
        load_backbone('ulip')  # and not ulip2's file


def test_names_find_files_of_the_hub_cache(tmp_path, monkeypatch):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setattr(weights, 'WEIGHT_FOLDERS', ())
    repository, name, _ = FACTS['openshape-pointbert-vitb32'].hub
    with pytest.raises(FileNotFoundError, match=f'hf download {repository} {name}, then give'):
        load_backbone('openshape-pointbert-vitb32')
    cache = tmp_path / f'models--{repository.replace("/", "--")}'
    (cache / 'snapshots' / 'abc').mkdir(parents=True)
    (cache / 'refs').mkdir()
    (cache / 'refs' / 'main').write_text('abc')
    torch.save(files.openshape_b32(), cache / 'snapshots' / 'abc' / name)
    backbone = load_backbone('openshape-pointbert-vitb32', settings=PPAT)
    assert backbone.out_channels == 128


@pytest.mark.parametrize('name', sorted(FACTS))
def test_every_name_says_where_its_file_is(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r'(hf download \S+/|download .+, then give the path)'
    ):
        load_backbone(name)


def test_neither_file_nor_name():
    with pytest.raises(
        FileNotFoundError, match='there is no such file, and none of the names .*ulip2'
    ):
        load_backbone('pointnet')


@pytest.fixture(scope='module')
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp('imported')
    torch.save(files.openshape_bigg(), folder / 'model.pt')
    return import_checkpoint(folder / 'model.pt', folder, settings=PPAT)[0]


def downstream(imported, **backbone):
    cfg = Config.fromfile(CONFIG)
    cfg.model.backbone = dict(
        dict(type='PointPatchTransformer', in_channels=6, **PPAT),
        init_cfg=dict(type='Pretrained', checkpoint=str(imported), prefix='backbone.'),
        **backbone,
    )
    return cfg


@pytest.mark.parametrize(
    ('key', 'value'), [('radius', 0.4), ('num_neighbours', 256), ('in_channels', 3)]
)
def test_a_config_that_contradicts_the_weights(imported, key, value):
    meta = read_checkpoint(imported)['meta']
    cfg = downstream(imported)
    check_meta(meta, cfg)
    cfg.model.backbone[key] = value
    trained = meta['geometry'][key]
    with pytest.raises(ConfigError, match=f'{key}={trained}, but model.backbone .*{key}={value}'):
        check_meta(meta, cfg)


def test_scaling_counts_as_its_sizes(imported):
    cfg = downstream(imported)
    cfg.model.backbone = dict(type='PointPatchTransformer', scaling=4)
    geometry = collect_geometry(cfg)
    assert (geometry['num_patches'], geometry['radius'], geometry['num_neighbours']) == (
        384,
        0.2,
        64,
    )
    with pytest.raises(ConfigError, match='radius=0.5, but model.backbone .*radius=0.2'):
        check_meta(read_checkpoint(imported)['meta'], cfg)


@MODELS.register_module(force=True)
class ToyOnBackbone(ToyModel):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = MODELS.build(backbone)


def test_a_run_compares_what_its_backbone_starts_from(imported, tmp_path):
    cfg = config(tmp_path, 1, hooks=OURS, up_axis='z')
    cfg['default_hooks']['pretrained'] = dict(type='PretrainedCoverageHook', min_coverage=1.0)
    cfg['model'] = dict(type='ToyOnBackbone', backbone=downstream(imported).model.backbone)
    train_toy(copy.deepcopy(cfg))
    cfg['train_dataloader']['dataset']['up_axis'] = 'y'
    with pytest.raises(
        ConfigError, match="up_axis='z', but train_dataloader.dataset .*up_axis='y'"
    ):
        train_toy(cfg)
