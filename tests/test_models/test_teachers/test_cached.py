from __future__ import annotations

import copy
import json
import shutil

import numpy as np
import pytest
import torch

from mrd_plugin.data_preparation.teacher_cache import CacheRequest, write_cache
from mrd_plugin.models.teachers import CachedTeacher
from mrd_plugin.utils.errors import BadSampleError, ConfigError

from .stubs import HashTeacher, make_sample


def test_equals_the_online_teacher(conse, data_root, tmp_path):
    request = CacheRequest.from_folder(data_root, ['lamp'], ['identity'], ['short'])
    write_cache(conse, request, data_root, tmp_path / 'conse')
    cached = CachedTeacher(tmp_path / 'conse', expect=conse.describe())
    samples = [
        make_sample(text=text, image_path=str(data_root / 'images' / image))
        for text, image in (('Banana', 'banana.png'), ('a yellow fruit', 'ball.png'))
    ]
    for got, expected in zip(cached(samples), conse(samples)):
        torch.testing.assert_close(got, expected, atol=1e-3, rtol=0)
    for names, templates in ((['lamp'], 'short'), (['Plate', 'ball'], 'identity')):
        got = cached.encode_prompts(names, templates)
        torch.testing.assert_close(got, conse.encode_prompts(names, templates), atol=1e-3, rtol=0)
    assert cached.describe() == conse.describe()
    assert cached.dim == conse.dim


def test_images_are_found_wherever_the_data_lies(cache, data_root, tmp_path, monkeypatch):
    teacher = CachedTeacher(cache)
    expected = teacher.encode_image([str(data_root / 'images/ball.png')])
    moved = tmp_path / 'else/where'
    shutil.copytree(data_root, moved)
    assert torch.equal(
        CachedTeacher(cache).encode_image([str(moved / 'images/ball.png')]), expected
    )
    assert torch.equal(teacher.encode_image(['/gone/images/ball.png']), expected)
    monkeypatch.chdir(moved)
    assert torch.equal(CachedTeacher(cache).encode_image(['images/ball.png']), expected)


def test_another_image_of_that_name_is_refused(cache, data_root, tmp_path):
    shutil.copytree(data_root, tmp_path / 'data')
    with open(tmp_path / 'data/images/ball.png', 'ab') as file:
        file.write(b'x')
    with pytest.raises(ConfigError, match='it is another image'):
        CachedTeacher(cache).encode_image([str(tmp_path / 'data/images/ball.png')])


def test_unknown_keys(cache):
    teacher = CachedTeacher(cache)
    with pytest.raises(ConfigError, match="has no text 'zebra'.*--prompts or --classes"):
        teacher.encode_text(['banana', 'zebra'])
    with pytest.raises(ConfigError, match='has no image images/zebra.png'):
        teacher.encode_image(['images/zebra.png'])


def test_manifest_that_differs_is_refused(cache):
    CachedTeacher(cache, expect=dict(type='HashTeacher', weights_sha256=dict(salt=0)))
    with pytest.raises(ConfigError, match="has type='HashTeacher', .* type='ConSETeacher'"):
        CachedTeacher(cache, expect=dict(type='ConSETeacher'))
    with pytest.raises(ConfigError, match=r'weights_sha256.salt=0, .* weights_sha256.salt=1'):
        CachedTeacher(cache, expect=dict(weights_sha256=dict(salt=1)))


def test_damaged_caches_are_refused(cache, tmp_path):
    with pytest.raises(ConfigError, match='holds no teacher cache'):
        CachedTeacher(tmp_path)
    whole = (cache / 'text.npy').read_bytes()
    for size in (len(whole) - 7, 40, 0):
        (cache / 'text.npy').write_bytes(whole[:size])
        with pytest.raises(ConfigError, match='text.npy is truncated or damaged'):
            CachedTeacher(cache)
    np.save(cache / 'text.npy', np.zeros((3, 8), np.float16))
    with pytest.raises(ConfigError, match=r'text.npy holds \(3, 8\) float16, its manifest says'):
        CachedTeacher(cache)
    (cache / 'text.npy').unlink()
    with pytest.raises(ConfigError, match='text.npy is missing'):
        CachedTeacher(cache)
    (cache / 'text.npy').write_bytes(whole)
    (cache / 'keys.json').write_text('{}')
    with pytest.raises(ConfigError, match='keys.json'):
        CachedTeacher(cache)
    (cache / 'manifest.json').write_text(json.dumps(dict(format=99)))
    with pytest.raises(ConfigError, match='format=99, expected 1'):
        CachedTeacher(cache)


def test_pickled_arrays_are_not_run(cache):
    np.save(cache / 'image.npy', np.array([{'a': 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ConfigError, match='image.npy is truncated or damaged'):
        CachedTeacher(cache)


def test_copies_share_the_memory_map(cache):
    teacher = CachedTeacher(cache)
    assert isinstance(teacher._texts.content, np.memmap)
    assert copy.deepcopy(teacher)._texts.content is teacher._texts.content


def test_second_run_returns_at_once(cache, data_root):
    request = CacheRequest.from_folder(data_root, ['banana', 'lamp'], ['short'], ['short'])
    again = HashTeacher()
    assert write_cache(again, request, data_root, cache) is False
    assert again.encoded == [] and not cache.with_name('cache.partial').exists()
    other = HashTeacher(salt=5)
    assert write_cache(other, request, data_root, cache) is True
    assert CachedTeacher(cache).describe() == other.describe()


class Interrupted(HashTeacher):
    def _encode_texts(self, texts):
        if len(self.encoded) > 8:
            raise KeyboardInterrupt
        return super()._encode_texts(texts)


def test_views_are_images_like_others(data_root, tmp_path):
    data = tmp_path / 'data'
    shutil.copytree(data_root, data)
    records = json.loads((data / 'index.json').read_text())
    (data / 'views/a-1').mkdir(parents=True)
    for number, name in enumerate(('ball', 'plain')):
        shutil.copy(data / f'images/{name}.png', data / f'views/a-1/{number:02d}.png')
    records[0]['views'] = [f'views/a-1/{number:02d}.png' for number in range(2)]
    (data / 'index.json').write_text(json.dumps(records))
    request = CacheRequest.from_folder(data)
    assert len(request.images) == 5
    write_cache(HashTeacher(), request, data, tmp_path / 'cache')
    shown = tuple(str(data / view) for view in records[0]['views'])
    views = CachedTeacher(tmp_path / 'cache').view_targets([make_sample(image_paths=shown)], 2)
    online = HashTeacher().view_targets([make_sample(image_paths=shown)], 2)
    assert views.has_image.all()
    torch.testing.assert_close(views.image, online.image, atol=1e-3, rtol=0)


def test_interrupted_run_goes_on(data_root, tmp_path):
    out = tmp_path / 'cache'
    request = CacheRequest.from_folder(data_root, prompts=['short'])
    first = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        write_cache(first, request, data_root, out)
    assert not out.exists()
    second = HashTeacher()
    write_cache(second, request, data_root, out)
    assert not set(first.encoded) & set(second.encoded)
    whole = HashTeacher().encode_text(request.texts)
    torch.testing.assert_close(
        CachedTeacher(out).encode_text(request.texts), whole, atol=1e-3, rtol=0
    )


def test_interrupted_run_of_another_teacher_starts_anew(data_root, tmp_path):
    request = CacheRequest.from_folder(data_root)
    with pytest.raises(KeyboardInterrupt):
        write_cache(Interrupted(), request, data_root, tmp_path / 'cache')
    other = HashTeacher(salt=1)
    write_cache(other, request, data_root, tmp_path / 'cache')
    assert len(other.encoded) == len(request.texts) + len(request.images)


def test_foreign_folders_and_bad_data_are_refused(data_root, tmp_path):
    request = CacheRequest.from_folder(data_root)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/thesis.txt').write_text('years of work')
    with pytest.raises(ConfigError, match='is no teacher cache; choose another folder'):
        write_cache(HashTeacher(), request, data_root, tmp_path / 'mine')
    with pytest.raises(ConfigError, match='index.json is missing'):
        CacheRequest.from_folder(tmp_path)
    (tmp_path / 'index.json').write_text(json.dumps([dict(id='a', image='images/none.png')]))
    with pytest.raises(BadSampleError, match='none.png is missing'):
        CacheRequest.from_folder(tmp_path)


def test_data_without_images(tmp_path):
    (tmp_path / 'index.json').write_text(json.dumps(dict(shapes=[dict(id='a', name='cup')])))
    write_cache(HashTeacher(), CacheRequest.from_folder(tmp_path), tmp_path, tmp_path / 'cache')
    targets = CachedTeacher(tmp_path / 'cache')([make_sample(text='cup')])
    assert targets.has_text.all() and not targets.has_image.any()
