from __future__ import annotations

import hashlib
import pickle

import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from safetensors.torch import save_file

from mrd_plugin.models.teachers import OpenCLIPTeacher
from mrd_plugin.models.teachers.vision_language.image_loading import load_rgb
from mrd_plugin.models.teachers.vision_language.open_clip_teacher import _find_weights
from mrd_plugin.utils.errors import ConfigError

MODEL = 'ViT-S-32-alt'


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    """A real architecture with random weights, and its weights in a local file."""
    torch.manual_seed(0)
    network = open_clip.create_model(MODEL).eval()
    path = tmp_path_factory.mktemp('weights') / 'clip.safetensors'
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, path)
    return network, path


@pytest.fixture(scope='module')
def teacher(saved):
    return OpenCLIPTeacher(MODEL, str(saved[1]), batch_size=2)


def test_round_trip_through_a_local_file(saved, teacher, data_root):
    network, path = saved
    paths = [str(image) for image in sorted((data_root / 'images').glob('*.png'))]
    texts = ['a chair', 'a lamp', 'a rather long sentence about a table']
    transform = image_transform_v2(PreprocessCfg(**network.visual.preprocess_cfg), is_train=False)
    with torch.no_grad():
        images = network.encode_image(
            torch.stack([transform(load_rgb(image)) for image in paths]), normalize=True
        )
        words = network.encode_text(open_clip.get_tokenizer(MODEL)(texts), normalize=True)
    torch.testing.assert_close(teacher.encode_image(paths), images, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(teacher.encode_text(texts), words, atol=1e-5, rtol=1e-4)
    assert teacher.dim == 256


def test_describe_names_the_file(saved, teacher):
    told = teacher.describe()
    digest = hashlib.sha256(saved[1].read_bytes()).hexdigest()
    assert told['weights_sha256'] == {MODEL: digest}
    assert told['preprocessing']['size'] == 224 or told['preprocessing']['size'] == [224, 224]


def test_frozen(teacher):
    teacher.train().requires_grad_(True)
    network = teacher.network('clip')
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not teacher.state_dict()


def test_unknown_model_tag_and_file():
    with pytest.raises(ConfigError, match="no model='ViT-B-33'"):
        OpenCLIPTeacher('ViT-B-33', 'openai')
    with pytest.raises(ConfigError, match="pretrained='none.pt' is neither a file nor a tag"):
        OpenCLIPTeacher('ViT-B-32', 'none.pt')


class Malicious:
    def __reduce__(self):
        return (print, ('this must not run',))


def test_unsafe_and_foreign_files(tmp_path, capsys):
    with open(tmp_path / 'evil.pt', 'wb') as file:
        pickle.dump({'state_dict': Malicious()}, file, protocol=2)
    torch.save({'state_dict': Malicious()}, tmp_path / 'evil_zip.pt')
    for name in ('evil.pt', 'evil_zip.pt'):
        with pytest.raises(ConfigError, match=f'{name} is damaged or holds more than tensors'):
            OpenCLIPTeacher(MODEL, tmp_path / name)
    assert 'must not run' not in capsys.readouterr().out
    torch.save({'weight': torch.zeros(2)}, tmp_path / 'other.pt')
    with pytest.raises(ConfigError, match="other.pt doesn't hold weights of model='ViT-S-32-alt'"):
        OpenCLIPTeacher(MODEL, tmp_path / 'other.pt')


def test_normalisation_of_a_local_file(tmp_path):
    file = tmp_path / 'weights.pt'
    file.touch()
    assert _find_weights('ViT-SO400M-14-SigLIP', file, None)[1]['mean'] == (0.5, 0.5, 0.5)
    assert _find_weights('ViT-L-14', file, 'laion2b_s32b_b82k')[1]['mean'] == (0.5, 0.5, 0.5)
    assert _find_weights('ViT-L-14', file, {'mean': (0, 0, 0)})[1] == {'mean': (0, 0, 0)}
    for preprocess, message in (
        (None, 'normalised in different ways; set preprocess'),
        ('none', "preprocess='none' is no tag"),
        ({'crop': 1}, "preprocess has \\['crop'\\]"),
    ):
        with pytest.raises(ConfigError, match=message):
            _find_weights('ViT-L-14', file, preprocess)


def test_tag_that_cant_be_downloaded(monkeypatch):
    def no_network(config):
        raise OSError('no route to host')

    monkeypatch.setattr('open_clip.pretrained.download_pretrained', no_network)
    with pytest.raises(ConfigError, match="can't be downloaded .no route to host.*set pretrained"):
        OpenCLIPTeacher('ViT-B-32', 'laion2b_s34b_b79k')
