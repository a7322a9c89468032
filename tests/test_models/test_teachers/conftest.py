from __future__ import annotations

import json

import pytest
from PIL import Image, ImageDraw

from mrd_plugin.data_preparation.teacher_cache import CacheRequest, write_cache
from mrd_plugin.models.teachers import ConSETeacher

from .stubs import HashTeacher


@pytest.fixture
def hash_teacher():
    return HashTeacher()


@pytest.fixture(scope='session')
def conse():
    return ConSETeacher()


@pytest.fixture(scope='session')
def data_root(tmp_path_factory):
    """A data folder with three drawn images, one of them transparent, and an index."""
    root = tmp_path_factory.mktemp('data')
    (root / 'images').mkdir()
    banana = Image.new('RGBA', (128, 128), (0, 0, 0, 0))
    draw = ImageDraw.Draw(banana)
    draw.ellipse((10, 30, 118, 150), fill=(250, 215, 50, 255))
    draw.ellipse((10, 5, 118, 115), fill=(0, 0, 0, 0))
    banana.save(root / 'images/banana.png')
    ball = Image.new('RGB', (128, 128), 'white')
    ImageDraw.Draw(ball).ellipse((14, 14, 114, 114), fill='orange')
    ball.save(root / 'images/ball.png')
    Image.new('RGB', (100, 60), 'grey').save(root / 'images/plain.png')
    records = [
        dict(id='a-1', name='Banana', noun='banana', captions=['a yellow fruit'], category='food'),
        dict(id='a-2', name='Ball', noun='ball', captions=[], category='toys'),
        dict(id='a-3', name='Plate', noun=None, category='kitchen'),
    ]
    for record, name in zip(records, ('banana', 'ball', 'plain')):
        record['image'] = f'images/{name}.png'
    (root / 'index.json').write_text(json.dumps(records))
    return root


@pytest.fixture
def cache(tmp_path, data_root, hash_teacher):
    """A finished cache of the quick teacher."""
    request = CacheRequest.from_folder(data_root, ['banana', 'lamp'], ['short'], ['short'])
    write_cache(hash_teacher, request, data_root, tmp_path / 'cache')
    return tmp_path / 'cache'
