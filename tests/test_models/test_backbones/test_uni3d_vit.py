import pytest
import torch
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401

TINY = dict(type='Uni3DViT', size='tiny', num_groups=8, group_size=6, drop_path=0.0)


@pytest.fixture
def points():
    return torch.rand(2, 40, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1


# Published as 6 M to 1 B, with trans2embed to 1024.
@pytest.mark.parametrize(
    ('size', 'dim', 'depth', 'millions'),
    [
        ('tiny', 192, 12, 6),
        ('small', 384, 12, None),
        ('base', 768, 12, None),
        ('large', 1024, 24, None),
        ('giant', 1408, 40, 1000),
    ],
)
def test_sizes(size, dim, depth, millions):
    with torch.device('meta'):
        model = MODELS.build(dict(type='Uni3DViT', size=size))
    assert (model.token_channels, model.depth) == (dim, depth)
    if millions is not None:
        count = sum(p.numel() for p in model.parameters()) + 1024 * (dim + 1)
        assert count / 1e6 == pytest.approx(millions, rel=0.05)


def test_patch_dropout_is_off_in_evaluation(points):
    torch.manual_seed(0)
    model = MODELS.build(dict(TINY, patch_dropout=0.5))
    lengths = []
    model.visual.blocks[0].register_forward_hook(
        lambda module, inputs, output: lengths.append(output.shape[1])
    )
    model(points)
    model.eval()
    first, second = model(points), model(points)
    assert lengths == [1 + 4, 1 + 8, 1 + 8]
    assert torch.equal(first, second)
    model.train().forward_tokens(points)  # tokens that are exported keep their centres
    assert lengths[-1] == 1 + 8


def test_position_is_added_once(points):
    model = MODELS.build(dict(TINY, patch_dropout=0.0)).eval()
    entered = []
    for block in model.visual.blocks:
        block.register_forward_hook(lambda module, inputs, output: entered.append((inputs, output)))
    model(points)
    for (_, left), (inputs, _) in zip(entered, entered[1:]):
        assert torch.equal(left, inputs[0])


def test_starts_from_a_local_file_of_the_image_model(tmp_path, points):
    import timm

    image_model = timm.create_model('eva02_tiny_patch14_224')
    torch.save(image_model.state_dict(), tmp_path / 'eva.pth')
    model = MODELS.build(dict(TINY, trunk_checkpoint=str(tmp_path / 'eva.pth')))
    key = 'blocks.3.mlp.fc1.weight'
    assert torch.equal(model.visual.state_dict()[key], image_model.state_dict()[key])


def test_names_of_published_checkpoints():
    keys = set(MODELS.build(TINY).state_dict())
    assert {
        'encoder.first_conv.0.weight',
        'encoder.second_conv.3.bias',
        'encoder2trans.weight',
        'cls_token',
        'cls_pos',
        'pos_embed.2.weight',
        'visual.blocks.11.attn.proj.weight',
        'visual.fc_norm.weight',
    } <= keys
    assert not any(key.startswith(('visual.patch_embed', 'visual.pos_embed')) for key in keys)


def test_unknown_size():
    with pytest.raises(ValueError, match="backbone.size must be one of .*got 'huge'"):
        MODELS.build(dict(type='Uni3DViT', size='huge'))
