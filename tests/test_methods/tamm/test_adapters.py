import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mrd_plugin.methods.tamm.adapters import CLIPImageAdapter, DualAdapter
from mrd_plugin.utils.errors import ConfigError


def test_image_adapter_is_the_residual_bottleneck():
    torch.manual_seed(0)
    adapter = CLIPImageAdapter(8, reduction=4, ratio=0.2).double()
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    hidden = (x @ adapter.down.weight.T).clamp(min=0)
    adapted = (hidden @ adapter.up.weight.T).clamp(min=0)
    torch.testing.assert_close(adapter(x), 0.2 * adapted + 0.8 * x)
    # no bias: it does not matter whether features come normalised
    torch.testing.assert_close(adapter(7.3 * x), 7.3 * adapter(x))
    assert torch.equal(adapter(torch.zeros(2, 8, dtype=torch.float64)), torch.zeros(2, 8).double())
    inputs = torch.randn(2, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(adapter, inputs)


def test_image_adapter_has_the_published_size():
    adapter = CLIPImageAdapter(1280)
    assert sum(p.numel() for p in adapter.parameters()) == 819_200
    assert adapter.state_dict()['ratio'] == pytest.approx(0.2)


def test_ratio_zero_is_the_identity():
    x = torch.randn(4, 8)
    assert torch.equal(CLIPImageAdapter(8, ratio=0.0)(x), x)


def test_dual_adapter_by_hand():
    torch.manual_seed(0)
    head = DualAdapter(6, 4, 10)
    for module in head.modules():
        if isinstance(module, nn.BatchNorm1d):  # as after some training
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    head.eval()
    x = torch.randn(5, 6)

    def by_hand(branch):
        y = x
        for linear, norm in ((branch[0], branch[1]), (branch[4], branch[5])):
            y = y @ linear.weight.T + linear.bias
            y = (y - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
            y = F.gelu(norm.weight * y + norm.bias)
        return y

    for got, branch in zip(head(x), (head.image, head.text)):
        torch.testing.assert_close(got, by_hand(branch))
    assert head.out_channels == 4


def test_dropout_acts_on_the_embedding_itself():
    torch.manual_seed(0)
    head = DualAdapter(6, 400, 10, image_dropout=0.5, text_dropout=0.2).train()
    image, text = head(torch.randn(50, 6))
    assert float((image == 0).float().mean()) == pytest.approx(0.5, abs=0.02)
    assert float((text == 0).float().mean()) == pytest.approx(0.2, abs=0.02)


def test_one_shape_cannot_train_batch_norm():
    adapter = DualAdapter(in_channels=4, hidden_channels=5, out_channels=6)
    with pytest.raises(ConfigError, match='batch of 1 shape.*drop_last=True'):
        adapter(torch.ones(1, 4))
    assert adapter.eval()(torch.ones(1, 4))[0].shape == (1, 6)
