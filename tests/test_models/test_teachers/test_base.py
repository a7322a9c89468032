from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mrd_plugin.models.teachers import TEMPLATE_SETS, Teacher, fill_prompts, get_templates
from mrd_plugin.utils.errors import ConfigError

from .stubs import HashTeacher, make_sample


class NetworkTeacher(Teacher):
    def __init__(self):
        super().__init__(dim=3)
        self.freeze('net', nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.BatchNorm1d(3)))


def test_frozen_whatever_the_trainer_does():
    model = nn.ModuleDict({'teacher': NetworkTeacher(), 'student': nn.Linear(2, 3)})
    model.train()
    model.requires_grad_(True)
    teacher = model['teacher']
    net = teacher.network('net')
    assert not teacher.training and not any(module.training for module in net.modules())
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_network_is_not_part_of_the_student():
    model = nn.ModuleDict({'teacher': NetworkTeacher(), 'student': nn.Linear(2, 3)})
    assert set(model.state_dict()) == {'student.weight', 'student.bias'}
    assert len(list(model.parameters())) == 2
    twin = copy.deepcopy(model)
    assert twin['teacher'].network('net') is model['teacher'].network('net')
    model.half()
    assert model['teacher'].network('net')[0].weight.dtype == torch.float32


def test_forward_fills_rows_and_masks(hash_teacher):
    samples = [
        make_sample(text='chair', image_path='/x/a.png'),
        make_sample(image_path='/x/b.png'),
        make_sample(text='chair'),
        make_sample(text=''),
    ]
    targets = hash_teacher(samples)
    assert targets.has_image.tolist() == [True, True, False, False]
    assert targets.has_text.tolist() == [True, False, True, False]
    assert torch.equal(targets.text[0], targets.text[2])
    assert not targets.text[1].any() and not targets.image[2:].any()
    torch.testing.assert_close(targets.image[:2].norm(dim=1), torch.ones(2))
    assert hash_teacher.encoded.count('chair') == 1  # each distinct text once


def test_no_text_at_all(hash_teacher):
    targets = hash_teacher([make_sample(image_path='/x/a.png')])
    assert not targets.has_text.any() and targets.text.shape == (1, 8)


def test_prompt_ensemble_by_hand(hash_teacher):
    one, two = hash_teacher.encode_text(['a cup', 'the cup'])
    expected = nn.functional.normalize(one + two, dim=0)
    got = hash_teacher.encode_prompts(['cup'], ['a {}', 'the {}'])
    torch.testing.assert_close(got[0], expected)


def test_samples_use_the_teachers_templates():
    teacher = HashTeacher()
    teacher.templates = get_templates(['a {}', 'the {}'])
    expected = teacher.encode_prompts(['cup'], ['a {}', 'the {}'])
    torch.testing.assert_close(teacher([make_sample(text='cup')]).text, expected)


def test_template_sets():
    assert TEMPLATE_SETS['identity'] == ('{}',)
    assert len(set(TEMPLATE_SETS['openshape64'])) == 64
    for templates in TEMPLATE_SETS.values():
        assert get_templates(list(templates)) == templates
    assert fill_prompts(['{x}'], ['a {}']) == ['a {x}']  # braces of a name stay


@pytest.mark.parametrize('templates', ['unknown', [], ['no place'], ['{} and {}']])
def test_bad_templates(templates):
    with pytest.raises(ConfigError, match='templates'):
        get_templates(templates)


def test_views_are_encoded_once_each():
    teacher = HashTeacher()
    samples = [
        make_sample(image_paths=('a.png', 'b.png', 'c.png')),
        make_sample(image_path='b.png'),
        make_sample(),
    ]
    views = teacher.view_targets(samples, 3)
    assert sorted(teacher.encoded) == ['a.png', 'b.png', 'c.png']
    assert views.has_image.tolist() == [[True] * 3, [True, False, False], [False] * 3]
    torch.testing.assert_close(views.image[0], teacher.encode_image(['a.png', 'b.png', 'c.png']))
    assert torch.equal(views.image[1, 0], views.image[0, 1]) and not views.image[2].any()
