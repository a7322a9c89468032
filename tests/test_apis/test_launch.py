import pytest
from mmengine.registry import DATASETS, MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.apis.launch import explain_build_error, find_configs, one_sentence_errors
from mrd_plugin.utils.errors import ConfigError


@pytest.mark.parametrize(
    ('cfg', 'said'),
    [
        (
            dict(type='MRDLoss', w_intraa=1.0),
            "MRDLoss has no option 'w_intraa' (did you mean 'w_intra'?)",
        ),
        (  # an option that the class hands on to its base
            dict(type='MRDLoss', image_weigth=1.0),
            "MRDLoss has no option 'image_weigth' (did you mean 'image_weight'?)",
        ),
        (dict(type='MRDLoss', qqq=1.0), "MRDLoss has no option 'qqq'; correct"),
        (dict(type='MRDLos'), "type='MRDLos' is not in the registry"),
    ],
)
def test_a_misspelt_config_is_one_sentence(cfg, said):
    with pytest.raises(SystemExit) as stop, one_sentence_errors():
        MODELS.build(cfg)
    assert str(stop.value).startswith('Error: ') and said in str(stop.value)
    assert '\n' not in str(stop.value)
    if cfg['type'] == 'MRDLos':
        assert "(did you mean 'MRDLoss'?)" in str(stop.value)


def test_faults_of_code_keep_their_traceback():
    def broken():
        return dict()['x is not in the y registry']

    with pytest.raises(KeyError), one_sentence_errors():
        broken()
    with pytest.raises(TypeError), one_sentence_errors():
        DATASETS.build('no config')
    assert explain_build_error(ValueError('other')) is None


def test_missing_configs_are_named(tmp_path):
    (tmp_path / 'a.py').write_text('')
    find_configs(tmp_path / 'a.py')
    with pytest.raises(FileNotFoundError, match='b.py: there is no such config'):
        find_configs(tmp_path / 'a.py', tmp_path / 'b.py')


def test_a_config_that_is_no_python_names_its_line(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text('model = dict(\n    type=,\n)\n')
    with pytest.raises(ConfigError, match='a.py, line 2: invalid syntax'):
        find_configs(path)
