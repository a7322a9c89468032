import pytest
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from mmengine.structures import BaseDataElement

from mrd_plugin.models.downstream import PointSegmentor
from mrd_plugin.utils.errors import ConfigError
from tests.helpers.pairs import make_pair


@MODELS.register_module()
class VoxelMlp(BaseModule):
    """A backbone that looks at each voxel alone."""

    out_channels = 8

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8))

    def forward(self, features, coords, batch_size):
        return self.layers(features)


def make_batch(model, **fields):
    pairs = [make_pair(seed=seed, num_points=60 + seed, **fields) for seed in range(2)]
    data = dict(
        inputs={key: [p['inputs'][key] for p in pairs] for key in ('points', 'images')},
        data_samples=[p['data_samples'] for p in pairs],
    )
    return model.data_preprocessor(data)


@pytest.fixture
def model():
    torch.manual_seed(0)
    preprocessor = dict(
        type='PairDataPreprocessor', voxel_size=(1, 1, 1), voxel_features=('xyz', 'intensity')
    )
    return PointSegmentor(dict(type='VoxelMlp'), 4, data_preprocessor=preprocessor)


def test_loss_is_the_mean_cross_entropy_of_the_labelled_points(model):
    batch = make_batch(model)
    losses = model(**batch, mode='loss')
    labels = batch['inputs'].point_labels
    logits = model(batch['inputs'])
    assert logits.shape == (121, 4)
    one_by_one = [F.cross_entropy(logits[i], labels[i]) for i in range(121) if labels[i] >= 0]
    torch.testing.assert_close(losses['loss_ce'], torch.stack(one_by_one).mean())
    assert (labels < 0).any()
    assert 0 < losses['loss_lovasz'] < 1
    assert 0 <= losses['accuracy'] <= 1


def test_points_of_one_voxel_share_their_logits(model):
    batch = make_batch(model)['inputs']
    logits = model.eval()(batch)
    row = torch.bincount(batch.point2voxel).argmax()
    same = logits[batch.point2voxel == row]
    assert len(same) > 1
    assert torch.equal(same, same[:1].expand_as(same))


def test_predictions_go_to_the_sweep_that_the_points_are_of(model):
    batch = make_batch(model)
    samples = model.eval()(**batch, mode='predict')
    assert [len(sample.pred_labels) for sample in samples] == [60, 61]
    joined = torch.cat([sample.pred_labels for sample in samples])
    assert torch.equal(joined, model(batch['inputs']).argmax(1))
    assert isinstance(samples[0], BaseDataElement)


def test_a_frozen_backbone_stays_as_it_is():
    frozen = PointSegmentor(
        dict(type='VoxelMlp'),
        4,
        freeze_backbone=True,
        data_preprocessor=dict(
            type='PairDataPreprocessor', voxel_size=(1, 1, 1), voxel_features=('xyz', 'intensity')
        ),
    ).train()
    before = {key: value.clone() for key, value in frozen.backbone.state_dict().items()}
    losses = frozen(**make_batch(frozen), mode='loss')
    (losses['loss_ce'] + losses['loss_lovasz']).backward()
    assert not frozen.backbone.training
    assert frozen.seg_head.training
    assert all(p.grad is None for p in frozen.backbone.parameters())
    assert frozen.seg_head.weight.grad.abs().sum() > 0
    after = frozen.backbone.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_batch_without_a_label_gives_zero_gradients_and_none_stops(model):
    batch = make_batch(model, point_labels=None)
    with pytest.raises(ConfigError, match='point_labels'):
        model(**batch, mode='loss')
    ignored = batch['inputs']._replace(point_labels=torch.full((121,), -1))
    losses = model(ignored, batch['data_samples'], mode='loss')
    assert losses['loss_ce'] == 0
    losses['loss_ce'].backward()
    assert model.seg_head.weight.grad.abs().sum() == 0


def test_points_that_leave_the_batch_would_have_no_prediction():
    preprocessor = dict(type='PairDataPreprocessor', point_range=(0, 0, 0, 4, 4, 4))
    with pytest.raises(ConfigError, match='point_range'):
        PointSegmentor(dict(type='VoxelMlp'), 4, data_preprocessor=preprocessor)
