import pytest
import torch
from torch.nn import functional as F

from mrd_plugin.methods.contrast.info_nce import info_nce
from mrd_plugin.methods.tamm.dual_align_loss import DualAlignLoss
from mrd_plugin.utils.errors import ConfigError

N, V, D = 9, 3, 6


def make(dtype=torch.float64, without_text=(1, 4), hidden_views=((2, 0), (2, 1), (2, 2), (5, 1))):
    generator = torch.Generator().manual_seed(0)

    def rows(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    has_images = torch.ones(N, V, dtype=torch.bool)
    for shape, view in hidden_views:
        has_images[shape, view] = False
    has_text = torch.ones(N, dtype=torch.bool)
    has_text[list(without_text)] = False
    scales = torch.tensor([5.0, 9.0], dtype=dtype)
    return [rows(N, D), rows(N, D), rows(N, V, D), rows(N, D), has_images, has_text, *scales]


def slow(z_image, z_text, images, text, has_images, has_text, scale_image, scale_text):
    """The terms on plain matrices: list over views, and text."""

    def term(z, target, has, scale):
        return info_nce(F.normalize(z[has], dim=1) @ F.normalize(target[has], dim=1).T, scale)

    views = [term(z_image, images[:, k], has_images[:, k], scale_image) for k in range(V)]
    return views, term(z_text, text, has_text, scale_text)


@pytest.mark.parametrize('block_size', [512, 4])
@pytest.mark.parametrize(('reduction', 'share'), [('sum', 1), ('mean', 1 / V)])
def test_against_plain_matrices(reduction, share, block_size):
    batch = make()
    views, text = slow(*batch)
    log = DualAlignLoss(0.7, 1.3, view_reduction=reduction, block_size=block_size)(*batch)
    torch.testing.assert_close(log['align_image'], share * sum(views))
    torch.testing.assert_close(log['align_text'], text)
    torch.testing.assert_close(log['loss'], 0.7 * share * sum(views) + 1.3 * text)


def test_perfect_and_useless_embeddings_have_closed_forms():
    eye = torch.eye(N, dtype=torch.float64)
    has = torch.ones(N, V, dtype=torch.bool)
    scale = torch.tensor(3.0, dtype=torch.float64)
    images = eye[:, None].expand(N, V, N)
    perfect = DualAlignLoss()(eye, eye, images, eye, has, has[:, 0], scale, scale)
    one = torch.log(1 + (N - 1) * torch.exp(-scale))
    torch.testing.assert_close(perfect['loss'], (V + 1) * one)
    assert perfect['match_image'] == perfect['match_text'] == 1
    same = torch.ones_like(eye)
    useless = DualAlignLoss()(same, same, images, eye, has, has[:, 0], scale, scale)
    expected = torch.log(torch.tensor(float(N), dtype=torch.float64))
    torch.testing.assert_close(useless['loss'], (V + 1) * expected)


def test_gradients():
    z_image, z_text, *others, scale_image, scale_text = make()
    leaves = [
        t.requires_grad_() for t in (z_image, z_text, scale_image.clone(), scale_text.clone())
    ]
    criterion = DualAlignLoss(view_reduction='mean', block_size=4)
    assert torch.autograd.gradcheck(
        lambda a, b, c, d: criterion(a, b, *others, c, d)['loss'], leaves
    )


def test_each_subspace_learns_from_its_own_modality():
    z_image, z_text, images, text, has_images, has_text, *scales = make()
    z_image.requires_grad_(), z_text.requires_grad_()
    base = (images, text, has_images, has_text, *scales)
    first = torch.autograd.grad(DualAlignLoss()(z_image, z_text, *base)['loss'], [z_image, z_text])
    moved = (images, text.flip(0), has_images, has_text, *scales)
    other = torch.autograd.grad(DualAlignLoss()(z_image, z_text, *moved)['loss'], [z_image, z_text])
    assert torch.equal(first[0], other[0]) and not torch.allclose(first[1], other[1])
    assert not first[1][[1, 4]].any() and not first[0][2].any()


def test_a_batch_without_text_or_without_images():
    for batch in (
        make(without_text=range(N)),
        make(hidden_views=[(i, k) for i in range(N) for k in range(V)]),
    ):
        z_image, z_text, *others = batch
        z_image.requires_grad_(), z_text.requires_grad_()
        log = DualAlignLoss()(z_image, z_text, *others)
        log['loss'].backward()
        missing = 'align_text' if not batch[5].any() else 'align_image'
        assert log[missing] == 0 and log['loss'] > 0
        unused = z_text if missing == 'align_text' else z_image
        assert not unused.grad.any() and (z_image.grad.any() or z_text.grad.any())


def test_unknown_reduction():
    with pytest.raises(ConfigError, match="view_reduction='max'"):
        DualAlignLoss(view_reduction='max')
