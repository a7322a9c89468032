import shutil

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import HistoryBuffer

from mrd_plugin.engine import find_resumable, read_checkpoint
from tests.test_engine.toy import OURS, config, train


def ema_of(runner):
    return next(hook for hook in runner.hooks if isinstance(hook, EMAHook)).ema_model.state_dict()


def assert_equal(one, other):
    assert set(one) == set(other)
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('seed', [3, None])
def test_resuming_repeats_the_undisturbed_run(tmp_path, workers, seed):
    whole, losses = train(config(tmp_path / 'whole', 4, workers, OURS, seed=seed))
    first = tmp_path / 'whole' / 'epoch_2.pth'
    resumed, rest = train(config(tmp_path / 'rest', 4, workers, OURS, seed=seed), resume=first)

    assert rest == losses[6:] and len(rest) == 6
    assert_equal(whole.model.state_dict(), resumed.model.state_dict())
    assert_equal(ema_of(whole), ema_of(resumed))
    assert whole.message_hub.get_info('best_score') == resumed.message_hub.get_info('best_score')
    one, other = (run.message_hub.get_scalar('train/loss').data[0] for run in (whole, resumed))
    assert one.tolist() == other.tolist() == losses


def test_workers_draw_new_numbers_each_epoch(tmp_path):
    cfg = config(tmp_path, 2, 2, OURS, size=4)
    cfg['optim_wrapper']['optimizer']['lr'] = 0.0
    cfg['train_dataloader']['sampler']['shuffle'] = False
    cfg['model']['type'] = 'ToyModel'
    _, losses = train(cfg)
    assert losses[0] != losses[1]


def test_a_checkpoint_of_stock_mmengine_resumes(tmp_path):
    stock = dict(type='CheckpointHook', interval=1, save_best='acc')
    hooks = [dict(type='EMAHook')]
    train(config(tmp_path / 'stock', 2, checkpoint=stock, hooks=hooks, weights=True))
    path = tmp_path / 'stock' / 'epoch_2.pth'
    with pytest.raises(Exception, match='[Ww]eights.only'):
        torch.load(path, weights_only=True)  # what mmengine does by itself since torch 2.6

    old = read_checkpoint(path)
    assert isinstance(old['message_hub']['log_scalars']['train/loss'], HistoryBuffer)
    assert old['meta']['dataset_meta']['weights'].tolist() == [1, 1]
    resumed, losses = train(config(tmp_path / 'new', 3, hooks=OURS), resume=path)
    assert resumed.epoch == 3 and len(losses) == 3
    assert len(resumed.message_hub.get_scalar('train/loss').data[0]) == 9


def test_new_checkpoints_need_no_allow_list(tmp_path):
    train(config(tmp_path, 1, hooks=OURS))
    best = next(tmp_path.glob('best_acc*.pth'))
    for path in (tmp_path / 'epoch_1.pth', best):
        plain = torch.load(path, weights_only=True)
        assert plain['meta']['geometry']['no_colour'] == 0.4
        assert plain['meta']['geometry']['up_axis'] == 'z'
        assert len(plain['rng_states']) == 1
    assert list(tmp_path.glob('*.tmp')) == []


def test_finding_a_checkpoint_skips_what_can_not_be_read(tmp_path, caplog):
    assert find_resumable(tmp_path) is None
    train(config(tmp_path, 2))
    assert find_resumable(tmp_path) == tmp_path / 'epoch_2.pth'

    moved = tmp_path.parent / f'{tmp_path.name}-moved'
    shutil.copytree(tmp_path, moved)
    shutil.rmtree(tmp_path)
    assert find_resumable(moved) == moved / 'epoch_2.pth'

    last = moved / 'epoch_2.pth'
    last.write_bytes(last.read_bytes()[:-2000])
    (moved / 'last_checkpoint').write_text('')
    assert find_resumable(moved) == moved / 'epoch_1.pth'


def test_another_number_of_processes_is_reported_and_runs(tmp_path):
    train(config(tmp_path / 'one', 1, hooks=OURS))
    path = tmp_path / 'one' / 'epoch_1.pth'
    content = torch.load(path, weights_only=True)
    content['rng_states'] *= 2
    torch.save(content, path)
    _, losses = train(config(tmp_path / 'two', 2, hooks=OURS), resume=path)
    assert len(losses) == 3
