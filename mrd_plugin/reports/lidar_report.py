"""From a finished image-to-LiDAR run to its page and its metrics."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.runner import set_random_seed

from mrd_plugin.apis.run_loading import FinishedRun, build_dataset
from mrd_plugin.methods.cmcr.cmcr import CMCR
from mrd_plugin.methods.cmcr.losses import masked_psnr
from mrd_plugin.reports.figures.lidar import Match, plan_grid
from mrd_plugin.reports.lidar_page import (
    LiDARReportData,
    OccupancyPlan,
    RebuiltImage,
    lidar_report_page,
)
from mrd_plugin.structures import PairBatch
from mrd_plugin.utils.atomic import write_atomically, write_json
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.training_log import read_training_log

SHOWN = 3
"""Sweeps that the figures show."""


@torch.no_grad()
def write_lidar_report(run: FinishedRun) -> dict[str, Any]:
    """Write ``report/index.html`` and ``summary.json`` of an image-to-LiDAR run; return the latter.

    Raises:
        ConfigError: There are no validation data.
    """
    cfg = run.cfg
    model: Any = run.model
    if not cfg.get('val_dataloader'):
        raise ConfigError(f'{run.config} has no val_dataloader, so there is nothing to report on.')
    set_random_seed(0)
    dataset = build_dataset(cfg.val_dataloader.dataset)
    terms: dict[str, list[float]] = {}
    matches, triplets, plans = [], [], []
    usage: dict[str, np.ndarray] = {}
    for row in range(len(dataset)):
        data = model.data_preprocessor(pseudo_collate([dataset[row]]))
        batch, name = data['inputs'], data['data_samples'][0].sample_id
        for key, value in model.loss(batch).items():
            terms.setdefault(key, []).append(float(value))
        if isinstance(model, CMCR):
            for sensor, counts in _code_counts(model, batch).items():
                usage[sensor] = usage.get(sensor, 0) + counts
        if row >= SHOWN:
            continue
        matches.append(_match(model, batch, name))
        if isinstance(model, CMCR) and batch.image_masks is not None:
            triplets.append(_triplet(model, batch, name))
        if isinstance(model, CMCR):
            plans.append(_plan(model, batch, name))
    means = {key: float(np.nanmean(values)) for key, values in terms.items()}
    log = read_training_log(run.work_dir)
    train = build_dataset(cfg.train_dataloader.dataset)
    summary = dict(
        train_minutes=round(log.train_minutes(), 3),
        n_train=len(train),
        n_val=len(dataset),
        validation={key: value if math.isfinite(value) else None for key, value in means.items()},
        seed=cfg.get('randomness', {}).get('seed'),
        config=run.config.as_posix(),
        checkpoint=run.checkpoint.as_posix(),
    )
    page = lidar_report_page(
        LiDARReportData(
            title=run.config.stem,
            subtitle=_subtitle(run),
            terms=means,
            n_train=len(train),
            n_val=len(dataset),
            train_minutes=log.train_minutes(),
            scalars={key: log.series(key) for key in log.train},
            unit=log.unit,
            matches=matches,
            triplets=triplets,
            plans=plans,
            usage=usage,
            notice=_notice(dataset),
        )
    )
    write_atomically(run.work_dir / 'report' / 'index.html', page.encode('utf-8'))
    write_json(run.work_dir / 'summary.json', summary)
    return summary


def _match(model: Any, batch: PairBatch, name: str) -> Match:
    """Return the first image and the points that it sees."""
    points, maps = model.shared_space(batch)
    rows = (batch.pair_pixels[:, 0] == 0).nonzero()[:, 0]
    seen = batch.pair_points[rows]
    return Match(
        title=name,
        image=_pixels(batch.images[0]),
        map=F.normalize(maps[0], dim=0).permute(1, 2, 0).cpu().numpy(),
        points=points[seen].cpu().numpy(),
        pixels=batch.pair_pixels[rows, 1:].cpu().numpy(),
        plan=batch.points[seen][:, [1, 0]].cpu().numpy() * (-1, 1),
    )


def _code_counts(model: CMCR, batch: PairBatch) -> dict[str, np.ndarray]:
    """How many of all pairs chose each code, by sensor."""
    features, pairs = model.sensor_features(batch), model.all_pairs(batch)
    rows = dict(
        points=model.paired_points(batch, features.points, pairs),
        pixels=F.normalize(model.paired_pixels(batch, features.maps, pairs), dim=1),
    )
    size = len(model.codebook.codes)
    return {
        sensor: torch.bincount(model.codebook.nearest(values), minlength=size).cpu().numpy()
        for sensor, values in rows.items()
    }


def _triplet(model: CMCR, batch: PairBatch, name: str) -> RebuiltImage:
    """Return the first image: masked, rebuilt, original."""
    assert batch.image_masks is not None
    rebuilt = model.rebuild_images(batch, model.sensor_features(batch))
    masked = batch.images.masked_fill(batch.image_masks[:, None], 0)
    psnr = masked_psnr(rebuilt[:1], batch.images[:1], batch.image_masks[:1])
    masked_one, rebuilt_one, original = (_pixels(o[0]) for o in (masked, rebuilt, batch.images))
    return RebuiltImage(name, masked_one, rebuilt_one, original, float(psnr))


def _plan(model: CMCR, batch: PairBatch, name: str) -> OccupancyPlan:
    """Estimated occupancy of a grid around the points, the fullest of its heights."""
    features = model.sensor_features(batch)
    decoded = features.own_points + model.codebook.quantise(features.points).values
    radius = model.occupancy_decoder.radius
    size = radius / 2
    reach = batch.points[:, :2].abs().quantile(0.9, dim=0).tolist()
    behind = -reach[0] if (batch.points[:, 0] < 0).float().mean() > 0.1 else 0.0
    xs, ys = plan_grid((behind, reach[0]), reach[1], size)
    low, high = batch.points[:, 2].quantile(0.02).item(), batch.points[:, 2].quantile(0.9).item()
    zs = np.arange(low + radius, max(high, low + 2 * radius), radius)
    grid = np.stack(np.meshgrid(xs, ys, zs, indexing='ij'), axis=-1)
    queries = batch.points.new_tensor(grid.reshape(-1, 3))
    predicted, query = model.occupancy_decoder.at_queries(
        decoded[batch.point2voxel],
        batch.points[:, :3],
        batch.point_batch,
        queries,
        torch.zeros(len(queries), dtype=torch.long, device=queries.device),
        batch.batch_size,
    )
    total = predicted.new_zeros(len(queries)).index_add_(0, query, predicted[:, 0].sigmoid())
    count = torch.bincount(query, minlength=len(queries))
    share = (total / count).view(grid.shape[:3]).cpu().numpy()  # 0 / 0 = NaN: nothing near
    known = ~np.isnan(share).all(axis=2)
    probability = np.full(share.shape[:2], np.nan)
    probability[known] = np.nanmax(share[known], axis=1)
    xy = batch.points[:, :2].cpu().numpy()
    cells = np.stack(
        [(xs[0] + size / 2 - xy[:, 0]) / size, (ys[0] + size / 2 - xy[:, 1]) / size], 1
    )
    return OccupancyPlan(name, probability, np.floor(cells).astype(int))


def _pixels(image: torch.Tensor) -> np.ndarray:
    """Return an image ``(3, H, W)`` in [0, 1] as uint8 ``(H, W, 3)``."""
    return (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def _subtitle(run: FinishedRun) -> str:
    cfg = run.cfg
    size = sum(weights.numel() for weights in run.model.backbone.parameters()) / 1e6
    return (
        f'{escape(cfg.model.type)} trains a {escape(cfg.model.backbone.type)} ({size:.2f} M '
        f'parameters) on the images of {escape(cfg.train_dataloader.dataset.type)}, through a '
        f'frozen {escape(cfg.model.teacher.type)}, checkpoint '
        f'<code>{escape(run.checkpoint.as_posix())}</code>, seed '
        f'{cfg.get("randomness", {}).get("seed")}.'
    )


def _notice(dataset: BaseDataset) -> str:
    path = Path(dataset.data_root or '.') / 'NOTICE.txt'
    return path.read_text(encoding='utf-8') if path.is_file() else ''
