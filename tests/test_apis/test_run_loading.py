import pytest

from mrd_plugin.apis.run_loading import build_teacher
from mrd_plugin.utils.errors import ConfigError


@pytest.mark.parametrize(
    ('config', 'kind'), [(None, 'None'), (dict(type='ViTImageTeacher'), 'ViTImageTeacher')]
)
def test_what_is_no_teacher_of_texts_is_refused(config, kind):
    with pytest.raises(ConfigError, match=f'^a.py: model.teacher is {kind}, expected one of'):
        build_teacher(config, 'a.py')


def test_an_unknown_type_is_left_to_the_registry():
    with pytest.raises(KeyError, match='ConSTeacher is not in the'):
        build_teacher(dict(type='ConSTeacher'), 'a.py')
