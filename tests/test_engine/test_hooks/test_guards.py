import logging

import pytest
import torch
from mmengine.logging import MMLogger

from mrd_plugin.engine import NonFiniteLossError, read_checkpoint
from mrd_plugin.utils.errors import BadSampleError
from tests.test_engine.toy import OURS, config, train


def test_a_nan_names_term_and_samples_and_spares_checkpoints(tmp_path):
    train(config(tmp_path, 1, hooks=OURS))
    before = {path.name: path.read_bytes() for path in tmp_path.glob('*.pth')}
    cfg = config(tmp_path, 2, hooks=OURS)
    cfg['model']['poison'] = 'relation_loss'
    with pytest.raises(NonFiniteLossError) as caught:
        train(cfg, resume=tmp_path / 'epoch_1.pth')
    message = str(caught.value)
    assert 'loss=nan, relation_loss=nan at epoch 2, iteration 4' in message
    assert 'align_loss' not in message
    assert message.count('shape-') == 4 and '\n' not in message
    assert {path.name: path.read_bytes() for path in tmp_path.glob('*.pth')} == before


def test_a_nan_in_the_input_names_that_sample(tmp_path):
    with pytest.raises(
        NonFiniteLossError, match='input of these samples is not finite: shape-5[.]'
    ):
        train(config(tmp_path, 1, hooks=OURS, nan_at=5))


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    cfg = config(tmp_path, 1, hooks=OURS)
    cfg['optim_wrapper']['optimizer']['lr'] = float('inf')
    cfg['train_dataloader']['batch_size'] = 12  # one step: the loss before it is finite
    with pytest.raises(NonFiniteLossError, match='No checkpoint is written.*layers.0.weight'):
        train(cfg)
    assert list(tmp_path.glob('*.pth')) == []


@pytest.fixture
def warnings(monkeypatch):
    heard = []
    real = MMLogger.callHandlers

    def hear(self, record):
        if record.levelno >= logging.WARNING:
            heard.append(record.getMessage())
        real(self, record)

    monkeypatch.setattr(MMLogger, 'callHandlers', hear)
    return heard


@pytest.mark.parametrize('workers', [0, 2])
def test_bad_samples_are_counted_and_named_each_epoch(tmp_path, warnings, workers):
    train(config(tmp_path, 2, workers, hooks=OURS, bad=(3, 7)))
    said = [text for text in warnings if 'samples were bad' in text]
    assert len(said) == 2
    assert said[0].startswith('Epoch 1: 2 of 12 samples were bad and were skipped: ')
    assert {'broken-3', 'broken-7'} == set(said[0].split('skipped: ')[1].split(', '))


def test_too_many_bad_samples_stop_the_run(tmp_path):
    with pytest.raises(
        BadSampleError, match='8 of 12 samples are bad .*BadSampleHook.max_bad_fraction'
    ):
        train(config(tmp_path, 1, hooks=OURS, bad=tuple(range(12))))
    assert list(tmp_path.glob('*.pth')) == []


def test_ema_weights_are_what_is_saved_for_use(tmp_path):
    runner, _ = train(config(tmp_path, 1, hooks=OURS))
    saved = read_checkpoint(tmp_path / 'epoch_1.pth')
    live = runner.model.state_dict()
    assert torch.equal(saved['ema_state_dict']['module.layers.0.weight'], live['layers.0.weight'])
    assert not torch.equal(saved['state_dict']['layers.0.weight'], live['layers.0.weight'])
