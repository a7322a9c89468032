from __future__ import annotations

import pytest
import torch

from mrd_plugin.models.teachers import SampleFeatureTeacher
from mrd_plugin.utils.errors import BadSampleError, ConfigError

from .stubs import make_sample


def sample_with(name='s-1', **features):
    sample = make_sample(sample_id=name)
    for key, value in features.items():
        sample.set_field(value, key)
    return sample


def test_reads_and_normalises():
    samples = [
        sample_with(image_feat=torch.tensor([3.0, 4.0]), text_feat=torch.tensor([0.0, 2.0])),
        sample_with(image_feat=torch.tensor([1.0, 0.0])),
    ]
    targets = SampleFeatureTeacher(2)(samples)
    torch.testing.assert_close(targets.image, torch.tensor([[0.6, 0.8], [1.0, 0.0]]))
    torch.testing.assert_close(targets.text, torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    assert targets.has_image.tolist() == [True, True]
    assert targets.has_text.tolist() == [True, False]


def test_wrong_dim_names_sample_got_and_expected():
    message = r"'chair-7': image_feat has shape \(3,\), but teacher.dim is 2"
    with pytest.raises(BadSampleError, match=message):
        SampleFeatureTeacher(2)([sample_with('chair-7', image_feat=torch.zeros(3))])


def test_not_finite():
    bad = sample_with('chair-8', text_feat=torch.tensor([1.0, float('nan')]))
    with pytest.raises(BadSampleError, match="'chair-8'.*text_feat is not finite"):
        SampleFeatureTeacher(2)([sample_with(), bad])


def test_has_no_encoder():
    with pytest.raises(ConfigError, match="no encoder for the text 'a chair'"):
        SampleFeatureTeacher(2).encode_prompts(['chair'], ['a {}'])


def test_views_are_padded_and_normalised():
    samples = [
        sample_with(image_feats=torch.tensor([[3.0, 4.0], [0.0, 2.0]])),
        sample_with(image_feat=torch.tensor([1.0, 0.0])),
        sample_with(),
    ]
    views = SampleFeatureTeacher(2).view_targets(samples, 2)
    assert views.has_image.tolist() == [[True, True], [True, False], [False, False]]
    expected = [[[0.6, 0.8], [0.0, 1.0]], [[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]
    torch.testing.assert_close(views.image, torch.tensor(expected))
    with pytest.raises(ConfigError, match='2 images each, but model.num_views is 1'):
        SampleFeatureTeacher(2).view_targets(samples, 1)
    with pytest.raises(BadSampleError, match="'s-9': image_feats has shape"):
        SampleFeatureTeacher(2).view_targets([sample_with('s-9', image_feats=torch.ones(2, 3))], 2)
