import json
import os
import pickle
import re
import subprocess

import pytest
import torch

from mrd_plugin.engine import read_checkpoint
from mrd_plugin.utils.errors import BadSampleError
from tests.helpers.processes import PROCESSES, free_port
from tests.test_engine.toy import ToyShapes

from .toy_config import TOOLS, run_tool, write_config


def complaint(capsys, monkeypatch, *arguments):
    """What a tool says before it leaves with exit code 1."""
    with pytest.raises(SystemExit) as left:
        run_tool(monkeypatch, *arguments)
    text = left.value.code
    assert isinstance(text, str) and text.startswith('Error: ')  # printed to stderr, exit code 1
    assert 'Traceback' not in text + capsys.readouterr().err
    return text


def losses_in(work_dir):
    """The loss of each iteration, by log in time order."""
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return [(line['step'], line['loss']) for line in lines if 'loss' in line]


def test_train_resume_and_test(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = write_config(tmp_path, epochs=3)
    run_tool(monkeypatch, 'train.py', path, '--resume')  # nothing to resume from: starts anew
    work_dir, other = tmp_path / 'work_dirs' / 'toy_config', tmp_path / 'other'
    assert read_checkpoint(work_dir / 'epoch_3.pth')['meta']['epoch'] == 3

    resume = ['--resume', work_dir / 'epoch_2.pth']
    run_tool(monkeypatch, 'train.py', path, '--work-dir', other, *resume)
    assert losses_in(other) == losses_in(work_dir)[6:] and len(losses_in(other)) == 3

    last = work_dir / 'epoch_3.pth'
    last.write_bytes(last.read_bytes()[:-1000])
    run_tool(monkeypatch, 'train.py', path, '--resume', 'auto')
    assert read_checkpoint(last)['meta']['epoch'] == 3
    assert re.search('epoch_3.pth: can not be read .* truncated', capsys.readouterr().out)

    run_tool(monkeypatch, 'test.py', path, last, '--out', 'predictions.pkl')
    assert len(pickle.loads((tmp_path / 'predictions.pkl').read_bytes())) == 4


def test_sentences_instead_of_tracebacks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    say = [capsys, monkeypatch]
    assert 'none.py: there is no such config' in complaint(*say, 'train.py', 'none.py')

    path = write_config(tmp_path)
    text = complaint(*say, 'train.py', path, '--resume', 'none.pth')
    assert 'none.pth: there is no such checkpoint' in text
    assert '--auto-scale-lr needs' in complaint(*say, 'train.py', path, '--auto-scale-lr')
    if not torch.cuda.is_available():
        assert '100 times slower' in complaint(*say, 'train.py', path, '--amp')

    broken = ['--cfg-options', 'train_dataloader.dataset.bad=[1,2,3,4,5,6,7,8]']
    assert 'max_bad_fraction' in complaint(*say, 'train.py', path, *broken)
    poison = ['--cfg-options', 'model.poison=align_loss']
    assert 'align_loss=nan' in complaint(*say, 'train.py', path, *poison)

    path.write_text(
        path.read_text()
        + "\ntrain_dataloader['dataset']['data_root'] = 'data/none'\ndata_help = 'Get it, 3 GB.'\n"
    )
    text = complaint(*say, 'train.py', path)
    assert text.endswith('there is no such folder;\nGet it, 3 GB.')
    assert "train_dataloader.dataset.data_root='data/none': there is no such folder" in text
    path.write_text(path.read_text().replace('data_help', 'other'))
    monkeypatch.setattr(ToyShapes, 'how_to_get', 'buy it.', raising=False)
    assert complaint(*say, 'train.py', path).endswith('there is no such folder; buy it.')


def test_an_error_of_a_worker_keeps_its_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def broken(self, index):
        raise BadSampleError(f'shape-{index}.npy: it is truncated.')

    monkeypatch.setattr('tests.test_engine.toy.ToyShapes.__getitem__', broken)
    workers = ['--cfg-options', 'train_dataloader.num_workers=1']
    text = complaint(capsys, monkeypatch, 'train.py', write_config(tmp_path), *workers)
    assert re.fullmatch(r'Error: shape-\d+.npy: it is truncated.', text)


def test_test_refuses_a_foreign_or_contradicting_checkpoint(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = write_config(tmp_path, epochs=1)
    torch.save({'state_dict': {'conv.weight': torch.ones(1)}}, 'foreign.pth')
    text = complaint(capsys, monkeypatch, 'test.py', path, 'foreign.pth')
    assert text.startswith('Error: Only 0.0% of the tensors of ToyModel')
    torch.save({'state_dict': {}, 'meta': {'geometry': {'up_axis': 'y'}}}, 'other.pth')
    text = complaint(capsys, monkeypatch, 'test.py', path, 'other.pth')
    assert "up_axis='y', but" in text and "up_axis='z'" in text


def train_as_rank(rank, port, arguments):
    address = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), WORLD_SIZE='2')
    os.environ.update(address, RANK=str(rank), LOCAL_RANK=str(rank))
    torch.set_num_threads(1)
    run_tool(pytest.MonkeyPatch(), 'train.py', *arguments, '--launcher', 'pytorch')
    torch.distributed.destroy_process_group()


@pytest.mark.ddp
def test_two_processes_resume_where_they_were(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_config(tmp_path, randomness=dict(seed=0, diff_rank_seed=True))
    whole, resumed = tmp_path / 'whole', tmp_path / 'resumed'
    for flags in (
        ['--work-dir', whole],
        ['--work-dir', resumed, '--resume', whole / 'epoch_1.pth'],
    ):
        port = free_port()
        ranks = [
            PROCESSES.Process(target=train_as_rank, args=(r, port, [path, *flags])) for r in (0, 1)
        ]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join(120)
            assert process.exitcode == 0
    assert len(read_checkpoint(whole / 'epoch_2.pth')['rng_states']) == 2
    assert losses_in(resumed) == losses_in(whole)[2:] and len(losses_in(resumed)) == 2
    one, other = (read_checkpoint(run / 'epoch_2.pth')['state_dict'] for run in (whole, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize('name', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh'])
def test_scripts_say_how_to_call_them(name):
    done = subprocess.run(['bash', TOOLS / name], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and f'tools/{name}' in done.stdout


@pytest.mark.parametrize(
    ('name', 'arguments', 'wanted'),
    [
        (
            'dist_train.sh',
            ['c.py', '2', '--amp'],
            '--nproc_per_node=2 .*train.py c.py --launcher pytorch --amp',
        ),
        (
            'dist_test.sh',
            ['c.py', 'a.pth', '3'],
            '--nproc_per_node=3 .*test.py c.py a.pth --launcher pytorch',
        ),
        (
            'slurm_train.sh',
            ['gpu', 'mrd', 'c.py', '--resume'],
            '--ntasks=8 .*train.py c.py --launcher slurm --resume',
        ),
    ],
)
def test_scripts_call_the_tools(tmp_path, name, arguments, wanted):
    for fake in ('python', 'srun'):
        (tmp_path / fake).write_text('#!/bin/sh\necho "$@"\n')
        (tmp_path / fake).chmod(0o755)
    environment = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'PYTHON': 'python'}
    done = subprocess.run(
        ['bash', TOOLS / name, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert re.search(wanted, done.stdout)
