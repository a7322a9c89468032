"""CMCR: its terms, where their gradients go, and the faults of the released code that stay out."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper
from mmengine.registry import DATASETS, MODELS

from mrd_plugin.engine.checkpoints import geometry
from mrd_plugin.methods.cmcr.cmcr import WEIGHTS
from mrd_plugin.ops import replace_masked_cells
from mrd_plugin.utils.errors import ConfigError
from tests.helpers import plain_pairs
from tests.helpers.lidar import make_nuscenes
from tests.helpers.lidar_toys import METHODS, build, make_batch, make_data
from tests.helpers.processes import run_on_ranks

EVERYTHING = dict.fromkeys(WEIGHTS, 1.0)


def only(**weights):
    """CMCR with these terms alone."""
    return build('CMCR', weights={**dict.fromkeys(WEIGHTS, 0.0), **weights})


def grads(model, term, part):
    """Gradient of one term with respect to all weights of one part, flat; None if there is none."""
    found = torch.autograd.grad(term, list(part.parameters()), allow_unused=True, retain_graph=True)
    return (
        None
        if all(g is None for g in found)
        else sum(g.abs().sum() for g in found if g is not None)
    )


def test_all_terms_have_their_names():
    terms = build('CMCR', weights=EVERYTHING).loss(make_batch())
    assert {k for k in terms if 'loss' in k} == {
        'loss_contrast',
        'loss_matching',
        'loss_commitment_points',
        'loss_commitment_pixels',
        'loss_image',
        'loss_occupancy',
        'loss_intensity',
        'loss_orthogonality',
        'loss_orthogonality_2d',
        'loss_kl',
    }
    assert {k for k in terms if 'loss' not in k} == {
        'match_contrast',
        'match_codes',
        'chance_contrast',
        'perplexity_points',
        'perplexity_pixels',
        'code_agreement',
        'psnr_masked',
        'occupancy_behind',
        'occupancy_front',
        'occupancy_far',
        'supports_per_query',
        'pairs_per_image',
    }
    published = build('CMCR', weights={}).loss(make_batch())
    assert set(terms) - set(published) == {'loss_orthogonality_2d', 'loss_kl'}


def test_terms_of_the_pairs_equal_the_loops():
    model, batch = build('CMCR').eval(), make_batch()
    view, row, column = batch.pair_pixels.T
    seen = torch.tensor([not bool(batch.image_masks[p[0], p[1], p[2]]) for p in batch.pair_pixels])
    assert 0 < seen.sum() < 50
    images = torch.where(batch.image_masks[:, None], 0.0, batch.images)
    maps = F.interpolate(
        model.image_head(model.teacher(images)), (16, 24), mode='bilinear', align_corners=True
    )
    g = F.normalize(maps, dim=1)[view, :, row, column][seen]
    voxels = F.normalize(model.point_head(model.backbone(batch.voxel_features, None, 2)), dim=1)
    f = voxels[batch.point2voxel[batch.pair_points]][seen]
    terms, book = model.loss(batch), model.codebook.codes
    torch.testing.assert_close(terms['loss_contrast'], plain_pairs.info_nce(f, g, 0.07))
    torch.testing.assert_close(terms['loss_matching'], plain_pairs.code_matching(f, g, book))
    k, m = (torch.cdist(x, book).argmin(1) for x in (f, g))
    torch.testing.assert_close(
        terms['loss_commitment_points'] + terms['loss_commitment_pixels'],
        plain_pairs.commitment(f, g, book[k], book[m]),
    )
    assert terms['code_agreement'].item() == pytest.approx((k == m).float().mean().item())
    own = model.point_specific_head(model.backbone(batch.voxel_features, None, 2))
    torch.testing.assert_close(
        terms['loss_orthogonality'], 0.1 * plain_pairs.orthogonality(voxels, own)
    )


def test_occupancy_terms_equal_the_loop():
    model, batch = only(occupancy=2.0, intensity=3.0), make_batch()
    voxels = model.backbone(batch.voxel_features, None, 2)
    shared = F.normalize(model.point_head(voxels), dim=1)
    codes = model.codebook.codes[torch.cdist(shared, model.codebook.codes).argmin(1)]
    features = (model.point_specific_head(voxels) + codes)[batch.point2voxel]
    rows, occupied, intensity, kind = [], [], [], []
    for q, xyz in enumerate(batch.query_xyz):
        near = [
            n
            for n in range(len(batch.points))
            if batch.point_batch[n] == batch.query_batch[q]
            and (batch.points[n, :3] - xyz).norm() <= 2.0
        ]
        for n in near[:32]:
            offset = xyz - batch.points[n, :3]
            rows.append(model.occupancy_decoder.layers(torch.cat([features[n], offset])))
            occupied.append(batch.query_occupied[q])
            intensity.append(batch.query_intensity[q])
            kind.append(int(batch.query_kind[q]))
    terms = model.loss(batch)
    entropy, error = plain_pairs.occupancy(rows, occupied, intensity)
    torch.testing.assert_close(terms['loss_occupancy'], 2 * entropy, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(terms['loss_intensity'], 3 * error, rtol=1e-4, atol=1e-5)
    right = [(row[0] > 0) == (o > 0.5) for row, o in zip(rows, occupied)]
    behind = [r for r, k in zip(right, kind) if k == 0]
    assert terms['occupancy_behind'].item() == pytest.approx(sum(behind) / len(behind))


def test_masked_pixels_are_black_for_the_teacher_and_whole_for_the_loss():
    model, batch = build('CMCR'), make_batch()
    given = []
    model.teacher.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    features = model.sensor_features(batch)
    hidden = batch.image_masks[:, None].expand_as(batch.images)
    assert not given[0][hidden].any()
    assert torch.equal(given[0][~hidden], batch.images[~hidden])
    rebuilt = model.rebuild_images(batch, features)
    expected = model.weights['image'] * F.mse_loss(rebuilt, batch.images)  # all pixels
    torch.testing.assert_close(model.image_terms(batch, features)['loss_image'], expected)


def test_released_decoder_resolution_quantises_every_pixel():
    """With stride 1 every pixel's shared feature is a code of its own."""
    decoder = dict(type='ImageDecoder', in_channels=4, stride=1)
    model, batch = build('CMCR', image_decoder=decoder, geometry_enhanced=False), make_batch()
    features = model.sensor_features(batch)
    given = []
    model.image_decoder.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    model.rebuild_images(batch, features)
    maps, own = (
        F.interpolate(x, (16, 24), mode='bilinear', align_corners=True)
        for x in (features.maps, features.own_maps)
    )
    rows = F.normalize(maps, dim=1).permute(0, 2, 3, 1).reshape(-1, 4)
    codes = model.codebook.codes[torch.cdist(rows, model.codebook.codes).argmin(1)]
    expected = codes.view(4, 16, 24, 4).permute(0, 3, 1, 2) + own
    torch.testing.assert_close(given[0], expected)


def test_geometry_takes_the_error_of_images_to_the_student():
    """The box of the figure that the released code lacks."""
    batch = make_batch(60, 60)
    for enhanced in (True, False):
        model = only(image=1.0)
        model.geometry_enhanced = enhanced
        term = model.loss(batch)['loss_image']
        found = [grads(model, term, part) for part in (model.backbone, model.point_head)]
        assert all(g is not None and g > 0 for g in found) == enhanced
        assert grads(model, term, model.image_head) > 0
    # In unmasked images nothing is replaced.
    clear = batch._replace(image_masks=torch.zeros_like(batch.image_masks))
    model = only(image=1.0)
    term = model.loss(clear)['loss_image']
    assert not (grads(model, term, model.backbone) or 0)


def test_masked_cells_with_points_get_the_mean_of_their_points():
    masks = torch.zeros(1, 4, 6, dtype=torch.bool)
    masks[0, :, :2] = True  # both cells of the first column
    masks[0, 0, 2] = True  # a quarter of another cell
    pixels = torch.tensor([[0, 0, 0], [0, 1, 1], [0, 0, 2], [0, 3, 5]])
    values = torch.tensor([[1.0], [3.0], [5.0], [7.0]], requires_grad=True)
    grid = torch.full((1, 1, 2, 3), 9.0, requires_grad=True)
    out = replace_masked_cells(grid, masks, values, pixels, 2)
    assert out.tolist() == [[[[2, 9, 9], [9, 9, 9]]]]
    out.sum().backward()
    assert values.grad.flatten().tolist() == [0.5, 0.5, 0, 0]
    assert grid.grad.flatten().tolist() == [0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ('name', 'reached', 'not_reached'),
    [
        ('contrast', {'backbone', 'point_head', 'image_head'}, {'point_specific_head'}),
        ('matching', {'backbone', 'point_head', 'image_head'}, {'image_specific_head'}),
        ('occupancy', {'backbone', 'point_head', 'point_specific_head'}, {'image_head'}),
        ('orthogonality', {'backbone', 'point_head', 'point_specific_head'}, {'image_head'}),
        ('orthogonality_2d', {'image_head', 'image_specific_head'}, {'backbone'}),
        ('kl', {'backbone', 'point_specific_head'}, {'point_head'}),
        ('image', {'image_head', 'image_specific_head', 'image_decoder'}, {'point_specific_head'}),
    ],
)
def test_where_gradients_go(name, reached, not_reached):
    model = only(**{name: 1.0})
    term = model.loss(make_batch())[f'loss_{name}']
    for part in reached:
        assert grads(model, term, getattr(model, part)) > 0, part
    for part in not_reached:
        assert not (grads(model, term, getattr(model, part)) or 0), part


# --- faults of the released code, by their numbers in docs/methods/cmcr.md


def test_fault_1_pairs_in_masked_pixels_are_removed_and_the_others_kept():
    """The released code indexes with the integers ``1 - mask``: all pairs become pair 0 or 1."""
    model, batch = build('CMCR', num_pairs=1000).eval(), make_batch()
    view, row, column = batch.pair_pixels.T
    expected = (~batch.image_masks[view, row, column]).nonzero()[:, 0]
    visible = model.visible(batch)
    assert visible.dtype == torch.bool
    assert torch.equal(model.draw_pairs(visible.nonzero()[:, 0]), expected)
    as_released = batch.pair_points[1 - batch.image_masks[view, row, column].long()]
    assert len(as_released.unique()) <= 2 < len(batch.pair_points[expected].unique())


def test_fault_2_and_3_every_sweep_is_validated_and_no_fraction_is_empty(tmp_path):
    """The released data set takes one of 50, and a scene of its own where none is left."""
    root = make_nuscenes(tmp_path, scenes=('scene-0061', 'scene-1094'), frames=3)
    load = dict(type='NuScenesPairs', data_root=str(root), cameras=['CAM_FRONT', 'CAM_BACK'])
    kept_aside = DATASETS.build(dict(load, split='verify', test_mode=True))
    assert len(kept_aside) == 3  # all of scene-1094
    assert len(DATASETS.build(dict(load, split='parametrize', fraction=0.01))) == 3  # one scene


def test_fault_4_no_process_group_is_needed():
    assert not torch.distributed.is_initialized()
    model = build('CMCR')
    before = model.codebook.codes.clone()
    model.train().loss(make_batch())
    assert not torch.equal(model.codebook.codes, before)


def test_fault_5_validation_gives_terms_to_choose_checkpoints_by():
    model = build('CMCR').eval()
    book = model.codebook.codes.clone()
    samples = model.val_step(make_data(image_masks=None))
    assert samples[0].terms['loss_contrast'] > 0 and 'loss_image' in samples[0].terms
    assert 'psnr_masked' not in samples[0].terms
    assert torch.equal(model.codebook.codes, book)
    no_queries = dict.fromkeys(
        ['query_xyz', 'query_occupied', 'query_kind', 'query_intensity'], None
    )
    assert 'loss_occupancy' not in model.val_step(make_data(**no_queries))[0].terms


def test_fault_5_features_on_a_code_have_finite_gradients():
    model, batch = build('CMCR'), make_batch()
    with torch.no_grad():
        for parameter in model.point_head.parameters():
            parameter.zero_()
        model.point_head.proj.bias.copy_(model.codebook.codes[0])
    terms = model.loss(batch)
    sum(v for k, v in terms.items() if 'loss' in k).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_fault_7_frozen_weights_are_not_in_the_optimiser_and_all_others_get_gradients():
    model = build('CMCR')
    frozen = {id(p) for p in model.teacher.network('net').parameters()}
    assert frozen and not frozen & {id(p) for p in model.parameters()}
    sum(v for k, v in model.loss(make_batch()).items() if 'loss' in k).backward()
    assert all(p.grad is not None for p in model.parameters())  # no find_unused_parameters


def test_fault_8_another_scale_of_intensities_is_said(monkeypatch):
    said = []
    monkeypatch.setattr(
        geometry, 'print_log', lambda message, *args, **kwargs: said.append(message)
    )
    given = [
        dict(train_dataloader=dict(dataset=dict(type='NuScenesPairs', intensity_scale=scale)))
        for scale in (1 / 255, 1.0)
    ]
    meta = dict(geometry=geometry.collect_geometry(given[0]))
    geometry.check_meta(meta, given[0])
    assert not said
    geometry.check_meta(meta, given[1])
    assert len(said) == 1 and 'intensity_scale=0.0039' in said[0]


# --- settings


def test_targets_that_are_missing_are_said():
    model = build('CMCR').train()
    with pytest.raises(ConfigError, match='put PatchMask'):
        model.loss(make_batch(image_masks=None))
    fields = dict.fromkeys(['query_xyz', 'query_occupied', 'query_kind', 'query_intensity'], None)
    with pytest.raises(ConfigError, match='put OccupancyQueries'):
        model.loss(make_batch(**fields))
    with pytest.raises(ConfigError, match=r"\['picture'\]"):
        build('CMCR', weights=dict(picture=1.0))


def test_no_intensity_costs_nothing():
    nothing = torch.full((9,), -1.0)
    terms = build('CMCR').loss(make_batch(query_intensity=nothing))
    assert terms['loss_intensity'] == 0 and terms['loss_occupancy'] > 0


def test_defaults_are_the_published_ones():
    cfg = {k: v for k, v in METHODS['CMCR'].items() if k != 'weights'}
    model = MODELS.build(cfg)
    assert (model.num_pairs, model.temperature, model.beta) == (2048, 0.07, 0.25)
    assert model.geometry_enhanced and not model.published_orthogonality


def test_state_travels(tmp_path):
    model = build('CMCR')
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    model.train_step(make_data(), optimizer)
    torch.save(model.state_dict(), tmp_path / 'state.pth')
    twin = build('CMCR')
    assert not torch.equal(twin.codebook.codes, model.codebook.codes)
    twin.load_state_dict(torch.load(tmp_path / 'state.pth', weights_only=True))
    assert torch.equal(twin.codebook.sizes, model.codebook.sizes)
    one, other = (m.eval().loss(make_batch()) for m in (model, twin))
    assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


# --- two ranks

SPLIT = ((30, 5), (18,))


def _samples(counts, first):
    from tests.helpers.pairs import make_pair

    return [
        make_pair(
            num_pairs=n,
            num_points=50 + 9 * (first + i),
            num_queries=9 + 3 * (first + i),
            seed=first + i,
        )
        for i, n in enumerate(counts)
    ]


def _step(name, samples):
    from tests.helpers.lidar_toys import collated

    model = build(name).train()
    if name == 'CMCR':
        model.weights = dict(EVERYTHING)
    batch = model.data_preprocessor(collated(samples))['inputs']
    terms = model.loss(batch)
    sum(v for k, v in terms.items() if 'loss' in k).backward()
    gradient = np.concatenate([p.grad.numpy().ravel() for p in model.parameters()])
    book = model.codebook.codes.numpy() if name == 'CMCR' else np.zeros(1)
    return {k: v.item() for k, v in terms.items()}, gradient, book


def _on_rank(rank):
    first = sum(len(counts) for counts in SPLIT[:rank])
    return {name: _step(name, _samples(SPLIT[rank], first)) for name in METHODS}


LOCAL = {
    'pairs_per_image',
    'superpixels_per_image',
    'supports_per_query',
    'psnr_masked',
    'occupancy_behind',
    'occupancy_front',
    'occupancy_far',
}


@pytest.mark.ddp
def test_two_ranks_equal_one_process_on_the_joined_batch():
    ranks = run_on_ranks(_on_rank)
    samples = [s for i, counts in enumerate(SPLIT) for s in _samples(counts, 2 * i)]
    for name in METHODS:
        terms, gradient, book = _step(name, samples)
        for rank_terms, _, rank_book in (rank[name] for rank in ranks):
            for key in set(terms) - LOCAL:
                assert rank_terms[key] == pytest.approx(terms[key], rel=1e-5, abs=1e-5), (name, key)
            np.testing.assert_allclose(rank_book, book, rtol=1e-5, atol=1e-6)
        # DistributedDataParallel averages the ranks' gradients.
        joined = sum(rank[name][1] for rank in ranks) / 2
        np.testing.assert_allclose(joined, gradient, rtol=1e-4, atol=1e-5, err_msg=name)
