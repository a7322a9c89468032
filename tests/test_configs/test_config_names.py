"""Names and places of config files follow the rule of configs/README.md."""

import ast
import re
from pathlib import Path

import pytest

from tests.test_configs.test_shape_configs import CONFIGS

FOLDER = Path('configs')
WORDS = {
    part: set(re.findall(r'`([^`]+)`', words))
    for part, words in re.findall(
        r'^\| `\{(\w+)\}` \|.*\| ([^|]+) \|$', (FOLDER / 'README.md').read_text(), re.MULTILINE
    )
}
METHODS = {path.parent.name for path in FOLDER.glob('*/metafile.yml')} - {'detection'}


def parse(path):
    """The parts of a config's name, by the rule; fails where it says something else."""
    parts = Path(path).stem.split('_')
    found = [i for i, part in enumerate(parts) if part in WORDS['dataset']]
    assert len(found) == 1, f'{path}: expected one data set of configs/README.md'
    (at,) = found
    after = parts[at + 1 :]
    assert len(after) <= 1, f'{path}: expected at most one part after the data set'
    model, *middle = parts[:at] or ['']
    schedule = [middle.pop()] if middle and middle[-1] in WORDS['schedule'] else []
    assert model in WORDS['model'], f'{path}: {model!r} is no model of configs/README.md'
    assert len(middle) <= 1 and set(middle) <= WORDS['setting'], f'{path}: what is {middle}?'
    return dict(
        model=[model], setting=middle, schedule=schedule, dataset=[parts[at]], protocol=after
    )


def allowed_protocols(place):
    """Patterns of the last part, by folder."""
    if place == 'benchmarks':
        return r'(finetune|linear-probe|scratch)(-\d+pct)?'
    if place == 'ablations':
        return r'[a-z0-9.]+(-[a-z0-9.]+)*'
    if place == 'detection':
        return '|'.join(['', 'scratch', *sorted(METHODS)])
    return '|'.join(['', *sorted(WORDS['protocol'] - {'finetune', 'linear-probe', 'scratch'})])


def test_the_rule_has_words_for_each_part():
    assert set(WORDS) == {'model', 'setting', 'schedule', 'dataset', 'protocol'}
    assert all(WORDS.values()) and {'mrd', 'cmcr', 'st_slidr'} < METHODS


@pytest.mark.parametrize('path', CONFIGS)
def test_names_follow_the_rule(path):
    places = Path(path).parts[1:-1]
    assert places[0] in METHODS | {'detection'} and len(places) <= 2
    protocol = ''.join(parse(path)['protocol'])
    assert re.fullmatch(allowed_protocols(places[-1]), protocol), f'{path}: {protocol!r}?'


def test_each_word_is_used():
    named = [parse(path) for path in CONFIGS if 'ablations' not in path and 'detection' not in path]
    named += [{**parse(path), 'protocol': []} for path in CONFIGS if 'detection' in path]
    for part, words in WORDS.items():
        used = {re.sub(r'-\d+pct$', '', word) for parts in named for word in parts[part]}
        assert used == words, part


@pytest.mark.parametrize(
    'name', ['furniture_pointbert', 'pointbert', 'pointbert_furniture_finetune_v2', 'pb_furniture']
)
def test_other_names_are_refused(name):
    with pytest.raises(AssertionError, match=name):
        parse(f'configs/mrd/{name}.py')


def bases(path):
    """What a config's ``_base_`` names."""
    for node in ast.parse(Path(path).read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            named = ast.literal_eval(node.value)
            return [named] if isinstance(named, str) else named
    return []


@pytest.mark.parametrize('path', CONFIGS)
def test_no_method_inherits_from_another(path):
    own = Path(path).parts[1]
    for base in bases(path):
        if '::' not in base:
            place = (Path(path).parent / base).resolve().relative_to(FOLDER.resolve()).parts[0]
            assert place in ('_base_', own), f'{path} inherits from configs/{place}'
