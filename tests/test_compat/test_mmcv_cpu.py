"""mmcv's operators on a CPU: indices, values and gradients against slow plain references."""

import numpy as np
import pytest
import torch

pytest.importorskip('mmcv.ops', reason='the second layer is not installed')

from mmcv import ops  # noqa: E402
from shapely import affinity  # noqa: E402
from shapely.geometry import box as shapely_box  # noqa: E402

import mrd_plugin.compat.mmcv_cpu as mmcv_cpu  # noqa: E402
from tests.helpers.lidar import real_data  # noqa: E402


@pytest.fixture
def clouds():
    return torch.rand(2, 200, 3, generator=torch.Generator().manual_seed(0))


def distances(xyz, centres):
    return (centres[:, :, None] - xyz[:, None]).square().sum(-1)


def test_without_cuda_the_operators_are_ours_wherever_they_were_imported():
    import mmdet3d.models  # noqa: F401
    from mmdet3d.models.dense_heads import fcaf3d_head

    assert mmcv_cpu.enable_cpu_operators() is not torch.cuda.is_available()
    assert fcaf3d_head.nms3d is ops.nms3d is mmcv_cpu.boxes.nms3d
    assert ops.furthest_point_sample(torch.rand(1, 5, 3), 2).dtype == torch.int32


def test_furthest_points(clouds):
    index = ops.furthest_point_sample(clouds, 20)
    for cloud, rows in zip(clouds, index.tolist()):
        chosen = [0]
        while len(chosen) < 20:
            squared = (cloud[:, None] - cloud[chosen]).square().sum(-1).amin(1)
            chosen.append(int(squared.argmax()))
        assert rows == chosen
    squared = distances(clouds, clouds)
    assert torch.equal(ops.furthest_point_sample_with_dist(squared, 20), index)


@pytest.mark.parametrize(('low', 'high'), [(0.0, 0.2), (0.1, 0.25), (0.0, 1e-4)])
def test_ball_query(clouds, low, high):
    centres = torch.cat([clouds[:, :10], clouds[:, :5] + 3], dim=1).contiguous()
    index = ops.ball_query(low, high, 8, clouds, centres)
    assert index.shape == (2, 15, 8) and index.dtype == torch.int32
    squared = distances(clouds, centres)
    for b in range(2):
        for s in range(15):
            inside = (squared[b, s] == 0) | ((squared[b, s] >= low**2) & (squared[b, s] < high**2))
            rows = inside.nonzero().flatten().tolist()[:8]
            expected = rows + [rows[0] if rows else 0] * (8 - len(rows))
            assert index[b, s].tolist() == expected


def test_ball_query_gives_mmcvs_published_indices():
    """Points and indices of mmcv's own test (first cloud)."""
    centres = [[-0.0740, 1.3147, -1.3625], [-2.2769, 2.7817, -0.2334], [-0.4003, 2.4666, -0.5116]]
    xyz = [
        [-0.0740, 1.3147, -1.3625],
        [0.5555, 1.0399, -1.3634],
        [-0.4003, 2.4666, -0.5116],
        [-0.5251, 2.4379, -0.8466],
        [-0.9691, 1.1418, -1.3733],
        [-0.2232, 0.9561, -1.3626],
        [-2.2769, 2.7817, -0.2334],
        [-0.2822, 1.3192, -1.3645],
        [0.1533, 1.5024, -1.0432],
        [0.4917, 1.1529, -1.3496],
    ]
    xyz, centres = torch.tensor([xyz]), torch.tensor([centres])
    near = ops.ball_query(0, 0.2, 5, xyz, centres)
    assert near[0].tolist() == [[0] * 5, [6] * 5, [2] * 5]
    ring = ops.ball_query(0.2, 0.4, 5, xyz, centres)
    assert ring[0].tolist() == [[0, 5, 7, 0, 0], [6] * 5, [2, 3, 2, 2, 2]]


def test_nearest_neighbours(clouds):
    queries = torch.rand(2, 30, 3)
    squared = distances(clouds, queries)
    expected = squared.sort(dim=2, stable=True)
    index = ops.knn(7, clouds, queries)
    assert torch.equal(index, expected.indices[..., :7].transpose(1, 2).int())
    channels_first = clouds.transpose(1, 2).contiguous(), queries.transpose(1, 2).contiguous()
    assert torch.equal(ops.knn(7, *channels_first, True), index)
    dist, rows = ops.three_nn(queries, clouds)
    torch.testing.assert_close(dist, expected.values[..., :3].sqrt())
    assert torch.equal(rows, expected.indices[..., :3].int())


def test_of_equally_near_points_the_first_comes_first():
    """Sources of mmcv's own test: three of the five are one point."""
    known = [[-1.8373, 3.5605, -0.7867], [0.7615, 2.9420, 0.2314], [-0.6503, 3.6637, -1.0622]]
    known = torch.tensor([[*known, known[0], known[0]]])
    asked = torch.tensor([[[-1.5237, 2.3976, -0.8097], [-0.0722, 3.4017, -0.2880]]])
    dist, index = ops.three_nn(asked, known)
    assert index[0].tolist() == [[0, 3, 4], [2, 1, 0]]
    expected = torch.tensor([[1.2047, 1.2047, 1.2047], [1.0011, 1.0845, 1.8411]])
    torch.testing.assert_close(dist[0], expected, rtol=1e-4, atol=1e-4)


def test_gathering_grouping_and_interpolation_with_gradients():
    random = torch.Generator().manual_seed(0)
    features = torch.rand(2, 4, 9, generator=random, dtype=torch.float64, requires_grad=True)
    flat = torch.randint(9, (2, 5), generator=random).int()
    balls = torch.randint(9, (2, 5, 3), generator=random).int()
    weight = torch.rand(2, 5, 3, generator=random, dtype=torch.float64)
    gathered = ops.gather_points(features, flat)
    grouped = ops.grouping_operation(features, balls)
    carried = ops.three_interpolate(features, balls, weight)
    for b in range(2):
        assert torch.equal(gathered[b], features[b][:, flat[b].long()])
        assert torch.equal(grouped[b], features[b][:, balls[b].long()])
        expected = (features[b][:, balls[b].long()] * weight[b]).sum(-1)
        torch.testing.assert_close(carried[b], expected)
    assert torch.autograd.gradcheck(lambda x: ops.gather_points(x, flat), features)
    assert torch.autograd.gradcheck(lambda x: ops.grouping_operation(x, balls), features)
    assert torch.autograd.gradcheck(lambda x: ops.three_interpolate(x, balls, weight), features)


def test_stacked_clouds_are_worked_one_by_one():
    """PV-RCNN's form: clouds of 50 and 30 points with 4 and 6 centres in one row."""
    random = torch.Generator().manual_seed(0)
    xyz, centres = torch.rand(80, 3, generator=random), torch.rand(10, 3, generator=random)
    centres[2] += 5  # an empty ball
    counts = torch.tensor([50, 30]).int(), torch.tensor([4, 6]).int()
    index = ops.ball_query(0, 0.3, 6, xyz, centres, *counts)
    assert index[2].tolist() == [-1, 0, 0, 0, 0, 0]
    one = ops.ball_query(0, 0.3, 6, xyz[None, 50:].contiguous(), centres[None, 4:].contiguous())[0]
    found = (distances(xyz[None, 50:], centres[None, 4:])[0] < 0.09).any(1)
    assert found.any() and torch.equal(index[4:][found], one[found])
    features = torch.rand(80, 3, generator=random, dtype=torch.float64, requires_grad=True)
    index = index.clamp(min=0)

    def group(x):
        return ops.grouping_operation(x, index, counts[0], counts[1])

    rows = index.long()
    rows[4:] += 50
    assert torch.equal(group(features), features[rows].transpose(1, 2))
    assert torch.autograd.gradcheck(group, features)


def test_points_in_boxes_give_mmcvs_published_indices():
    """Boxes, points and indices of mmcv's own tests."""
    boxes = torch.tensor(
        [[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.3], [-10.0, 23.0, 16.0, 10, 20, 20, 0.5]]]
    )
    inside = [[1, 2, 3.3], [1.2, 2.5, 3.0], [0.8, 2.1, 3.5], [1.6, 2.6, 3.6], [0.8, 1.2, 3.9]]
    points = torch.tensor([[*inside, [-9.2, 21.0, 18.2], [3.8, 7.9, 6.3], [4.7, 3.5, -12.2]]])
    expected = [[1, 0]] * 5 + [[0, 1], [0, 0], [0, 0]]
    assert ops.points_in_boxes_all(points, boxes)[0].tolist() == expected
    assert ops.points_in_boxes_part(points, boxes)[0].tolist() == [0, 0, 0, 0, 0, 1, -1, -1]
    turned = torch.tensor([[[0.0, 0.0, 0.0, 1.0, 20.0, 1.0, 0.523598]]])  # by 30 degrees
    ring = [[4, 6.928], [6.928, 4], [4, -6.928], [6.928, -4]]
    ring = torch.tensor([[[*p, 0] for p in ring + [[-a, -b] for a, b in reversed(ring)]]])
    assert ops.points_in_boxes_part(ring, turned)[0].tolist() == [-1, -1, 0, -1, -1, 0, -1, -1]
    assert ops.points_in_boxes_part(points, boxes[:, :0]).eq(-1).all()


def plan(box):
    x, y, _, length, width, _, heading = box.tolist()
    upright = shapely_box(x - length / 2, y - width / 2, x + length / 2, y + width / 2)
    return affinity.rotate(upright, heading, use_radians=True)


@pytest.fixture
def boxes():
    random = np.random.default_rng(0)
    centre = random.uniform(-2, 2, (12, 3))
    size = random.uniform(0.5, 4, (12, 3))
    heading = random.uniform(-3, 3, (12, 1))
    return torch.from_numpy(np.concatenate([centre, size, heading], 1)).float()


def test_overlaps_of_turned_boxes(boxes):
    shared = ops.boxes_overlap_bev(boxes[:5], boxes[5:])
    iou = ops.boxes_iou3d(boxes[:5], boxes[5:])
    for i, a in enumerate(boxes[:5]):
        for j, b in enumerate(boxes[5:]):
            area = plan(a).intersection(plan(b)).area
            assert shared[i, j].item() == pytest.approx(area, abs=2e-3)
            ends = [(box[2] - box[5] / 2, box[2] + box[5] / 2) for box in (a, b)]
            height = max(0, float(min(ends[0][1], ends[1][1]) - max(ends[0][0], ends[1][0])))
            volume = area * height
            union = float(a[3:6].prod() + b[3:6].prod()) - volume
            assert iou[i, j].item() == pytest.approx(volume / union, abs=2e-3)


@pytest.mark.parametrize('turned', [True, False])
def test_suppression_of_boxes(boxes, turned):
    scores = torch.rand(12, generator=torch.Generator().manual_seed(1))
    kept = (ops.nms3d if turned else ops.nms3d_normal)(boxes, scores, 0.2)
    if not turned:
        boxes = boxes.clone()
        boxes[:, 6] = 0
    expected = []
    for i in scores.argsort(descending=True).tolist():
        plans = [(plan(boxes[i]), plan(boxes[j])) for j in expected]
        if all(a.intersection(b).area / a.union(b).area <= 0.2 for a, b in plans):
            expected.append(i)
    assert kept.tolist() == expected
    assert 1 < len(expected) < 12
    assert ops.nms3d(boxes[:0], scores[:0], 0.2).shape == (0,)


@pytest.mark.parametrize('reduce', ['max', 'mean', 'sum'])
def test_dynamic_scatter(reduce):
    random = torch.Generator().manual_seed(0)
    features = torch.rand(40, 3, generator=random, dtype=torch.float64, requires_grad=True)
    coors = torch.randint(-1, 3, (40, 3), generator=random).int()
    out, voxels = ops.scatter_points.dynamic_scatter(features, coors, reduce)
    inside = (coors >= 0).all(1)
    assert len({tuple(row) for row in coors[inside].tolist()}) == len(voxels)
    for row, voxel in zip(out, voxels):
        members = features[(coors == voxel).all(1)]
        expected = members.amax(0) if reduce == 'max' else getattr(members, reduce)(0)
        torch.testing.assert_close(row, expected)

    def scatter(x):
        return ops.scatter_points.dynamic_scatter(x, coors, reduce)[0]

    assert torch.autograd.gradcheck(scatter, features)


def test_votenet_of_mmdet3d_trains_and_predicts_on_a_real_room():
    from mmdet3d.structures import DepthInstance3DBoxes, Det3DDataSample, PointData
    from mmengine.hub import get_config
    from mmengine.registry import MODELS, DefaultScope
    from mmengine.structures import InstanceData

    room = np.fromfile(real_data('keyframes/scannet') / 'scene0000_00.bin', np.float32)
    room = room.reshape(-1, 6)
    torch.manual_seed(0)
    xyz = torch.from_numpy(room[np.random.default_rng(0).permutation(len(room))[:3000], :3])
    xyz[:, 2] -= xyz[:, 2].quantile(0.01)
    cloud = torch.cat([xyz, xyz[:, 2:]], dim=1)
    table = torch.cat([xyz.median(0).values, torch.tensor([1.0, 1.0, 1.0, 0.3])])[None]
    sample = Det3DDataSample(metainfo=dict(box_type_3d=DepthInstance3DBoxes))
    boxes = DepthInstance3DBoxes(table, origin=(0.5, 0.5, 0.5))
    sample.gt_pts_seg = PointData()
    sample.gt_instances_3d = InstanceData(bboxes_3d=boxes, labels_3d=torch.tensor([3]))
    with DefaultScope.overwrite_default_scope('mmdet3d'):
        model = MODELS.build(get_config('mmdet3d::votenet/votenet_8xb16_sunrgbd-3d.py').model)
        batch = dict(inputs=dict(points=[cloud, cloud]), data_samples=[sample, sample])
        data = model.data_preprocessor(batch, True)
        losses = model(**data, mode='loss')
        total = sum(value.sum() for key, value in losses.items() if 'loss' in key)
        assert total.isfinite()
        total.backward()
        assert model.backbone.SA_modules[0].mlps[0].layer0.conv.weight.grad.abs().sum() > 0
        predicted = model.eval()(**data, mode='predict')
    found = predicted[0].pred_instances_3d
    assert len(found.bboxes_3d) == len(found.scores_3d) == len(found.labels_3d)
