import builtins
import os
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import _load_checkpoint
from safetensors.torch import save_file

from mrd_plugin.engine import read_checkpoint
from mrd_plugin.utils.atomic import write_atomically
from mrd_plugin.utils.errors import CheckpointError
from tests.helpers.processes import PROCESSES
from tests.test_engine.toy import OURS, config, train
from tests.test_utils.test_safe_pickle import Calls


@pytest.mark.parametrize(
    ('evil', 'named'),
    [
        (Calls(os.system, 'touch {}'), 'posix.system'),
        (Calls(builtins.eval, 'open("{}", "w")'), 'eval'),
        (Calls(getattr, OrderedDict, 'fromkeys'), 'builtins.getattr'),
        (Calls(getattr, np.ndarray, 'tofile'), 'builtins.getattr'),
    ],
)
def test_refuses_calls_and_names_them(tmp_path, evil, named):
    touched = tmp_path / 'touched'
    evil.args = tuple(a.format(touched) if isinstance(a, str) else a for a in evil.args)
    path = tmp_path / 'evil.pth'
    torch.save({'state_dict': {}, 'meta': evil}, path)
    for read in (read_checkpoint, lambda p: _load_checkpoint(str(p))):
        with pytest.raises(CheckpointError, match=f'evil.pth: refused.*{named}') as caught:
            read(path)
        assert '\n' not in str(caught.value)
    assert not touched.exists()


def test_allows_numpy_values_and_keeps_metadata(tmp_path):
    state = OrderedDict(weight=torch.ones(2))
    state._metadata = {'': {'version': 2}}
    meta = {'best': np.float64(0.5), 'palette': np.eye(2), 'names': ('a', np.str_('b'))}
    torch.save({'state_dict': state, 'meta': meta}, tmp_path / 'a.pth')
    content = read_checkpoint(tmp_path / 'a.pth')
    assert content['state_dict']._metadata == state._metadata
    assert content['meta']['best'] == 0.5 and content['meta']['names'] == ('a', 'b')
    np.testing.assert_array_equal(content['meta']['palette'], np.eye(2))


def test_reads_safetensors_with_meta(tmp_path):
    path = tmp_path / 'a.safetensors'
    save_file({'weight': torch.ones(2)}, path, metadata={'meta': '{"geometry": {"up_axis": "z"}}'})
    content = read_checkpoint(path)
    assert torch.equal(content['state_dict']['weight'], torch.ones(2))
    assert content['meta']['geometry']['up_axis'] == 'z'


@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
def test_truncated_and_missing_files(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(FileNotFoundError, match=f'{name}: there is no such checkpoint'):
        read_checkpoint(path)
    save = torch.save if name == 'a.pth' else save_file
    save({'weight': torch.ones(5000)}, path)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(CheckpointError, match=f'{name}: can not be read .*truncated'):
        read_checkpoint(path)


@pytest.mark.parametrize('content', ['# a readme', 'weights: none', '{"a": 1}', '<html>'])
def test_a_text_file_is_no_checkpoint(tmp_path, content):
    path = tmp_path / 'a.pth'
    path.write_text(content)
    with pytest.raises(CheckpointError, match='a.pth: can not be read as a checkpoint') as caught:
        read_checkpoint(path)
    assert 'operand' not in str(caught.value)


def test_advice_of_torch_is_left_out(tmp_path):
    path = tmp_path / 'a.pth'
    path.write_bytes(b'PK\x03\x04' + b'0' * 50)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    reason = 'PytorchStreamReader failed reading zip archive: failed finding central directory'
    advice = 'it is truncated or damaged, use another one.'
    assert str(caught.value) == f'{path}: can not be read as a checkpoint ({reason}); {advice}'


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'a.pth'
    write_atomically(path, b'old')

    def full(_):
        raise OSError('No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space'):
        write_atomically(path, b'new')
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['a.pth']


@pytest.mark.parametrize('best', ['acc', ['acc', 'loss']])
def test_outdated_checkpoints_go_and_the_best_stays(tmp_path, best, monkeypatch):
    scores = iter([1.0, 3.0, 2.0])
    monkeypatch.setattr(
        'tests.test_engine.toy.ToyMetric.compute_metrics',
        lambda self, results: {'acc': next(scores), 'loss': 1.0},
    )
    hook = dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=2, save_best=best)
    train(config(tmp_path, 3, checkpoint=hook))
    kept = {path.name for path in tmp_path.glob('*.pth')}
    want = {'epoch_2.pth', 'epoch_3.pth', 'best_acc_epoch_2.pth'}
    assert kept == (want | {'best_loss_epoch_1.pth'} if isinstance(best, list) else want)


def train_and_die_in_epoch_3(work_dir):
    real = os.fsync

    def fsync(descriptor):
        if list(work_dir.glob('epoch_3*')):
            os._exit(9)
        real(descriptor)

    os.fsync = fsync
    one = dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=1)
    train(config(work_dir, 4, hooks=OURS, checkpoint=one))


def test_a_kill_in_mid_save_leaves_the_previous_checkpoint(tmp_path):
    process = PROCESSES.Process(target=train_and_die_in_epoch_3, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_2.pth')
    assert read_checkpoint(tmp_path / 'epoch_2.pth')['meta']['epoch'] == 2
    (half,) = tmp_path.glob('epoch_3*')
    assert half.name == f'epoch_3.pth.{process.pid}.tmp'

    one = dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=1)
    train(config(tmp_path, 3, checkpoint=one), resume=tmp_path / 'epoch_2.pth')
    assert sorted(path.name for path in tmp_path.glob('*.pth*')) == ['epoch_3.pth']
