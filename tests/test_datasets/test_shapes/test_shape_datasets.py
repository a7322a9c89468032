import json
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, pseudo_collate, worker_init_fn
from mmengine.registry import DATASETS
from torch.utils.data import DataLoader

import mrd_plugin  # noqa: F401
from mrd_plugin.datasets import FurnitureDataset, OpenShapeDataset, bad_samples
from mrd_plugin.datasets.shapes import shape_dataset
from mrd_plugin.datasets.shapes.openshape import remap
from mrd_plugin.utils.errors import BadSampleError, ConfigError
from tests.test_datasets.test_shapes.samples import (
    DIM,
    furniture_folder,
    openshape_folder,
    pipeline,
    record,
    save_pickled,
)

LOADING = pipeline(64, dict(text='name', image='first'), seed=0)[:5] + pipeline()[-1:]


@pytest.fixture
def furniture(tmp_path):
    root = furniture_folder(tmp_path / 'furniture')
    files = dict(ann_file='split.json', classes=str(root / 'nouns.json'))
    return partial(FurnitureDataset, data_root=str(root), **files)


def openshape(root, **kwargs):
    kwargs.setdefault('pipeline', LOADING)
    return OpenShapeDataset(data_root=str(root), **kwargs)


def same(a, b):
    assert a['inputs'].numpy().tobytes() == b['inputs'].numpy().tobytes()
    one, two = a['data_samples'], b['data_samples']
    assert set(one.all_keys()) == set(two.all_keys())
    for key in one.all_keys():
        left, right = one.get(key), two.get(key)
        assert torch.equal(left, right) if isinstance(left, torch.Tensor) else left == right, key


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize('key', ['ann_file', 'classes'])
def test_a_pickle_in_place_of_a_list_is_refused_and_not_run(furniture, tmp_path, key):
    forged = tmp_path / 'split.pkl'
    forged.write_bytes(pickle.dumps(Touch(tmp_path / 'ran')))
    with pytest.raises(ConfigError, match=r'split\.pkl is no JSON .*; correct the key or get'):
        furniture(pipeline=LOADING, **{key: str(forged)})
    assert not (tmp_path / 'ran').exists()


# furniture ---------------------------------------------------------------------------------------


def test_furniture_reads_its_folder(furniture):
    dataset = furniture(split=['train', 'val'], pipeline=LOADING)
    assert len(dataset) == 5
    assert dataset.metainfo == dict(classes=('bed', 'chair'), up_axis='z', no_colour=0.4)
    samples = [dataset[i]['data_samples'] for i in range(5)]
    assert [int(s.label) for s in samples] == [0, 1, -1, 0, 1]
    assert samples[2].category == 'lamp' and samples[0].text == 'Big bed'
    assert samples[0].image_path.endswith('images/bed-0.png')
    built = DATASETS.build(
        dict(type='FurnitureDataset', data_root=dataset.data_root, ann_file='split.json')
    )
    assert len(built) == 4 and built.metainfo['classes'] == ()


def test_furniture_shows_views_if_asked_to(furniture):
    index = Path(furniture.keywords['data_root']) / 'index.json'
    steps = pipeline(8, dict(num_images=4))
    with pytest.raises(ConfigError, match=r'names no views of 4 shapes.*--views 12'):
        furniture(views=True, pipeline=steps).full_init()
    records = json.loads(index.read_text())
    for entry in records:
        entry['views'] = [f'views/{entry["id"]}/{k:02d}.png' for k in range(5)]
    index.write_text(json.dumps(records))
    sample = furniture(views=True, pipeline=steps)[0]['data_samples']
    image, *views = sample.image_paths
    assert image == sample.image_path and image.endswith('images/bed-0.png')
    assert len(set(views)) == 3 and all('/views/bed-0/' in view for view in views)
    np.random.seed(0)
    drawn = {furniture(pipeline=pipeline(8))[0]['data_samples'].image_path for _ in range(5)}
    assert len(drawn) == 1  # other methods don't notice that there are views


def test_memory_gives_the_same_samples_and_is_not_written_to(furniture):
    names = pipeline(20)
    names[5:5] = [dict(type='RandomMirror'), dict(type='ColourJitter')]
    cold, warm = furniture(pipeline=names), furniture(pipeline=names, cache_in_memory=True)
    for _ in range(2):
        for i in range(len(cold)):
            np.random.seed(i)
            one = cold[i]
            np.random.seed(i)
            same(one, warm[i])


def test_name_prompts_join_the_names(tmp_path):
    root = furniture_folder(tmp_path / 'f', count=4)
    policy = dict(type='ChooseTextImage', policy=dict(sources=('raw',)))
    steps = [policy if step['type'] == 'ChooseTextImage' else step for step in pipeline(8)]
    dataset = FurnitureDataset(str(root), 'split.json', name_prompts=('a {}',), pipeline=steps)
    seen = {dataset[0]['data_samples'].text for _ in range(40)}
    name = dataset[0]['data_samples'].name
    assert seen == {name, f'a {name}'}


def test_text_fraction_is_fixed_and_nested(tmp_path):
    root = furniture_folder(tmp_path / 'f', count=32)

    def with_text(fraction, **kwargs):
        dataset = FurnitureDataset(
            str(root), 'split.json', text_fraction=fraction, pipeline=pipeline(8), **kwargs
        )
        samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
        assert all(s.image_path for s in samples)
        return {s.sample_id for s in samples if s.text is not None}

    few, some, most = with_text(0.1), with_text(0.3), with_text(1.0)
    assert (len(few), len(some), len(most)) == (3, 9, 30)
    assert few < some < most and few == with_text(0.1)
    assert few != with_text(0.1, text_seed=1)
    assert with_text(0) == set()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(data_root='/no/such/folder'), 'tools/prepare/furniture.py'),
        (dict(split='holdout'), 'holdout'),
        (dict(ann_file='other.json'), "ann_file='other.json'"),
        (dict(classes='no_nouns.json'), "classes='no_nouns.json'"),
        (dict(classes=('a', 'a')), 'occurs twice'),
        (dict(text_fraction=3), 'text_fraction=3'),
        (dict(file_up_axis='z'), 'up_axis'),
        (dict(up_axis='y', pipeline=LOADING), "up_axis='z'"),
        (dict(pipeline=LOADING[:3]), 'SwapYZ'),
        (dict(no_colour=0.5, pipeline=pipeline()), 'ColourDrop value=0.4'),
        (dict(pipeline=[dict(type='RandomRotationZ'), *pipeline()]), 'about z.*y-up'),
    ],
)
def test_contradictions_and_missing_data_are_named(furniture, changes, message):
    with pytest.raises(ConfigError, match=message) as error:
        furniture(**changes)
    assert '\n' not in str(error.value)


def test_ids_without_shapes_are_named(furniture, tmp_path):
    (tmp_path / 'split.json').write_text(json.dumps(dict(train=['bed-0', 'ghost'])))
    with pytest.raises(ConfigError, match='ghost'):
        furniture(ann_file=str(tmp_path / 'split.json'))
    (tmp_path / 'split.json').write_text(json.dumps(dict(train=[])))
    with pytest.raises(ConfigError, match='lists no sample'):
        furniture(ann_file=str(tmp_path / 'split.json'))


# OpenShape ---------------------------------------------------------------------------------------


def test_both_forms_give_the_same_samples(tmp_path):
    records = [record(f'u{i}', i, d) for i, d in enumerate(['Objaverse', 'ABO', 'ShapeNet'] * 2)]
    steps = pipeline(48)
    one = openshape(openshape_folder(tmp_path / 'a', records), pipeline=steps)
    two = openshape(openshape_folder(tmp_path / 'b', records, '.npz'), pipeline=steps)
    for i in range(len(records)):
        for seed in range(4):
            np.random.seed(seed)
            first = one[i]
            np.random.seed(seed)
            same(first, two[i])
            assert first['data_samples'].image_feat.shape == (DIM,)


def test_openshape_honours_the_gpt_filter_and_names_shapes(tmp_path):
    root = openshape_folder(tmp_path, [record('u0'), record('u1', 1)], rejected=['u1'])
    steps = pipeline(8, dict(sources=('raw',)))
    dataset = openshape(root, pipeline=steps)
    assert [dataset[i]['data_samples'].text for i in range(2)] == ['raw u0', None]
    assert dataset[1]['data_samples'].name == 'raw u1'
    free = openshape(root, pipeline=steps, gpt_filter_file=None)
    assert free[1]['data_samples'].text == 'raw u1'


def test_a_held_out_part_is_the_same_for_all_and_disjoint(tmp_path):
    root = openshape_folder(tmp_path, [record(f'u{i}', i) for i in range(40)])
    parts = [openshape(root, holdout=0.3, part=part, pipeline=[]) for part in ('train', 'val')]
    train, val = ({part[i]['sample_id'] for i in range(len(part))} for part in parts)
    assert not train & val and len(train | val) == 40 and 5 <= len(val) <= 20
    wider = openshape(root, holdout=0.5, part='val', pipeline=[])
    assert val < {wider[i]['sample_id'] for i in range(len(wider))}
    assert len(openshape(root)) == 40
    with pytest.raises(ConfigError, match="part='test'"):
        openshape(root, part='test')


def test_several_stored_images_reach_the_sample(tmp_path):
    records = [record('u0'), record('u1', 1, dataset='ShapeNet')]
    del records[1]['thumbnail_feat']
    root = openshape_folder(tmp_path, records)
    steps = pipeline(8, dict(num_images=4))
    for i, content in enumerate(records):
        sample = openshape(root, pipeline=steps)[i]['data_samples']
        assert sample.image_feats.shape == (4, DIM)
        assert torch.equal(sample.image_feats[0], sample.image_feat)
        renderings = torch.tensor(content['image_feat'])
        known = [bool((renderings == row).all(1).any()) for row in sample.image_feats]
        assert known == [i == 1, True, True, True]
    texts = openshape(root, pipeline=[dict(type='LoadShape'), dict(type='ChooseTextImage'), PACK])
    assert texts[0]['inputs'].shape == (0,) and texts[0]['data_samples'].text_feat.shape == (DIM,)


PACK = dict(type='PackImageText')


def test_openshape_caches_points_with_texts_and_features(tmp_path):
    root = openshape_folder(tmp_path, [record('u0'), record('u1', 1)])
    cold, warm = openshape(root), openshape(root, cache_in_memory=True)
    for i in range(2):
        same(cold[i], warm[i])


def test_remap():
    prefixes = {'/mnt/data': '/here', '/mnt/data/deep/': '/there'}
    assert remap('/mnt/data/a/b.npy', prefixes, 'r') == '/here/a/b.npy'
    assert remap('/mnt/data/deep/b.npy', prefixes, 'r') == '/there/b.npy'
    assert remap('/mnt/database/b.npy', prefixes, 'r') == '/mnt/database/b.npy'
    assert remap('a/b.npy', prefixes, 'r') == 'r/a/b.npy'


def test_missing_openshape_data_say_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match='data_root=.*205 GB.*pointbert_furniture'):
        openshape(tmp_path / 'none')
    root = openshape_folder(tmp_path, [record('u0')])
    with pytest.raises(ConfigError, match='path_prefix'):
        openshape(root, path_prefix={'/other': str(root)})
    with pytest.raises(ConfigError, match='gpt_filter_file'):
        openshape(root, gpt_filter_file='nothing.json')
    with pytest.raises(ConfigError, match='no OpenShape split file'):
        openshape(root, ann_file='meta_data/gpt4_filtering.json')


# bad samples -------------------------------------------------------------------------------------


def spoil(root, kind):
    """Make the sample u1 bad."""
    path = root / 'Objaverse' / '000-000' / 'u1.npy'
    content = record('u1', 1)
    if kind == 'missing':
        path.unlink()
    elif kind == 'truncated':
        path.write_bytes(path.read_bytes()[:300])
    elif kind == 'NaN':
        content['xyz'][3, 1] = np.nan
        save_pickled(path, content)
    elif kind == 'zero points':
        save_pickled(path, {**content, 'xyz': np.zeros((0, 3)), 'rgb': np.zeros((0, 3))})
    else:
        save_pickled(path, {**content, 'thumbnail_feat': np.zeros(3, np.float32)})


@pytest.mark.parametrize('cache', [False, True])
@pytest.mark.parametrize('kind', ['missing', 'truncated', 'NaN', 'zero points', 'feature dim'])
def test_a_bad_sample_is_named_and_replaced_by_the_next(tmp_path, kind, cache):
    root = openshape_folder(tmp_path, [record(f'u{i}', i) for i in range(3)])
    spoil(root, kind)
    policy = dict(text='name', image='first', feature_dim=DIM)
    steps = pipeline(8, policy)
    dataset = openshape(root, pipeline=steps, cache_in_memory=cache)
    for _ in range(2):
        sample = dataset[1]['data_samples']
        assert sample.sample_id == 'u2' and sample.skipped == ['u1']
        assert 'skipped' not in dataset[0]['data_samples'] and len(dataset) == 3
    assert list(dataset.bad_samples) == ['u1'] and 'u1.npy' in dataset.bad_samples['u1']
    strict = openshape(root, pipeline=steps, cache_in_memory=cache, test_mode=True)
    with pytest.raises(BadSampleError, match='u1.npy'):
        strict[1]


def test_only_bad_samples_end_in_an_error(tmp_path):
    root = openshape_folder(tmp_path, [record('u0'), record('u1', 1)])
    dataset = openshape(root)
    for path in root.rglob('u?.npy'):
        path.unlink()
    with pytest.raises(BadSampleError, match='2 samples in a row'):
        dataset[0]


# chance ------------------------------------------------------------------------------------------


def batches(dataset, workers, seed):
    np.random.seed(seed)
    torch.manual_seed(seed)
    init = partial(worker_init_fn, num_workers=workers, rank=0, seed=seed)
    loader = DataLoader(
        dataset,
        batch_size=2,
        sampler=DefaultSampler(dataset, shuffle=False),
        num_workers=workers,
        collate_fn=pseudo_collate,
        worker_init_fn=init,
    )
    return torch.stack([item for batch in loader for item in batch['inputs']])


@pytest.mark.parametrize('workers', [0, 2])
def test_the_seed_of_the_workers_decides_everything(furniture, workers):
    dataset = furniture(pipeline=pipeline(16), cache_in_memory=True)
    first = batches(dataset, workers, 0)
    assert torch.equal(first, batches(dataset, workers, 0))
    assert not torch.equal(first, batches(dataset, workers, 1))


def test_unknown_categories_are_counted_and_named_in_one_warning(furniture, monkeypatch):
    said = []
    monkeypatch.setattr(shape_dataset, 'print_log', lambda text, **kwargs: said.append(text))
    dataset = furniture(lazy_init=True)
    dataset.warn_unknown(['bed', 'sofa', 'sofa', 'lamp'])
    dataset.warn_unknown(['bed', 'chair'])
    assert len(said) == 1 and '3 of 4 samples' in said[0] and "'sofa' (2), 'lamp' (1)" in said[0]
    assert dataset.label_of('sofa') == dataset.label_of(None) == -1


def test_a_bad_sample_is_warned_of_once(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(bad_samples, 'print_log', lambda text, **kwargs: said.append(text))
    root = openshape_folder(tmp_path, [record(f'u{i}', i) for i in range(3)])
    spoil(root, 'NaN')
    dataset = openshape(root)
    dataset[1], dataset[1]
    assert len(said) == 1 and 'u1.npy' in said[0] and '\n' not in said[0]
