from argparse import ArgumentParser

import pytest
from mmengine.config import DictAction

from mrd_plugin.utils.arguments import device, key_value, positive_int


@pytest.fixture
def parser():
    parser = ArgumentParser()
    parser.add_argument('--jobs', type=positive_int)
    parser.add_argument('--device', type=device)
    parser.add_argument('--set', nargs='+', type=key_value, action=DictAction)
    return parser


def test_good_values_are_read(parser):
    args = parser.parse_args(
        ['--jobs', '2', '--device', 'cpu', '--set', 'a.b=1', 'c=[1,(2,3)]', 'd=x=y']
    )
    assert (
        args.jobs == 2
        and args.device == 'cpu'
        and args.set == {'a.b': 1, 'c': [1, (2, 3)], 'd': 'x=y'}
    )


@pytest.mark.parametrize(
    ('flag', 'value', 'said'),
    [
        ('--jobs', '0', "--jobs: expected a whole number of 1 or more, got '0'"),
        ('--jobs', '-3', "--jobs: expected a whole number of 1 or more, got '-3'"),
        ('--jobs', 'two', "--jobs: expected a whole number of 1 or more, got 'two'"),
        ('--device', 'nope', '--device: expected cpu, or a GPU that PyTorch can use here'),
        ('--device', 'cuda:99', "such as cuda or cuda:1, got 'cuda:99'"),
        ('--set', 'foo', "--set: expected KEY=VALUE, got 'foo'"),
        ('--set', '=1', "--set: expected KEY=VALUE, got '=1'"),
        ('--set', 'a=[1,2', "--set: expected KEY=VALUE with matching brackets, got 'a=[1,2'"),
    ],
)
def test_bad_values_are_named(parser, capsys, flag, value, said):
    with pytest.raises(SystemExit) as left:
        parser.parse_args([flag, value])
    assert left.value.code == 2
    assert said in capsys.readouterr().err
