import pytest
from mmengine.config import Config

from mrd_plugin.studies.references import has_references, shape_table
from mrd_plugin.utils.errors import ConfigError


def test_configs_of_other_families_are_refused():
    assert has_references(Config.fromfile('configs/mrd/pointbert_furniture.py'))
    for config in (
        'configs/cmcr/minkunet18_zod-sample.py',
        'configs/mrd/benchmarks/pointbert_furniture_finetune.py',
    ):
        with pytest.raises(ConfigError, match=f'{config}: expected a config with model.teacher'):
            shape_table(Config.fromfile(config))
