"""From a finished run on shapes to its page and its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import BaseDataset
from torch import Tensor

from mrd_plugin.apis.launch import require_data
from mrd_plugin.apis.run_loading import FinishedRun, build_dataset, predict_all, sample_ids
from mrd_plugin.methods.base_shape import BasePretrainer
from mrd_plugin.reports.figures.point_cloud import pack_cloud
from mrd_plugin.reports.metrics import summarise_run
from mrd_plugin.reports.shape_page import ReportData, report_page
from mrd_plugin.structures import ShapeDataSample
from mrd_plugin.studies.references import (
    has_references,
    reference_rows,
    shape_table,
    split_references,
)
from mrd_plugin.studies.shape_table import ShapeTable, predicted_table, score_embeddings
from mrd_plugin.utils.atomic import write_atomically, write_json
from mrd_plugin.utils.errors import ConfigError
from mrd_plugin.utils.files import read_json
from mrd_plugin.utils.training_log import read_training_log


def write_report(run: FinishedRun) -> dict[str, Any]:
    """Write ``report/index.html`` and ``summary.json`` of a run on shapes; return the latter.

    Raises:
        ConfigError: There are no test data or classes.
    """
    cfg, model = run.cfg, run.model
    if not cfg.get('test_dataloader'):
        raise ConfigError(f'{run.config} has no test_dataloader, so there is nothing to report on.')
    require_data(cfg, 'test_dataloader')
    test_cfg = cfg.test_dataloader.dataset
    test = build_dataset(test_cfg)
    samples = predict_all(model, test)
    embedding = torch.stack([sample.embedding for sample in samples]).cpu().numpy()
    classes, prototypes = _classes(model, test)
    part = predicted_table(samples, prototypes)
    subspaces = {
        key: torch.stack([sample.get(key) for sample in samples]).cpu().numpy()
        for key in ('embedding_image', 'embedding_text')
        if key in samples[0]
    }
    metrics = score_embeddings(embedding, part, np.arange(len(samples)), subspaces)
    references = _references(run, part)
    log = read_training_log(run.work_dir)
    n_train = len(sample_ids(cfg.train_dataloader.dataset))
    summary = summarise_run(
        metrics,
        references,
        train_minutes=round(log.train_minutes(), 3),
        n_train=n_train,
        n_test=len(samples),
        seed=cfg.get('randomness', {}).get('seed'),
        config=run.config.as_posix(),
        checkpoint=run.checkpoint.as_posix(),
    )
    root = Path(test_cfg.get('data_root') or '.')
    page = report_page(
        ReportData(
            title=run.config.stem,
            subtitle=_subtitle(run),
            student=f'{cfg.model.type} (this run)',
            metrics=metrics,
            references=references,
            table=part,
            embedding=embedding,
            nouns=[sample.category or sample.name for sample in samples],
            classes=classes,
            images=[_image(sample) for sample in samples],
            cloud=lambda row: _cloud(test, row),
            scalars={key: log.series(key) for key in log.train},
            held_out={key: log.series(key) for key in log.val},
            unit=log.unit,
            train_minutes=log.train_minutes(),
            n_train=n_train,
            records=_records(root),
            attribution=_read_if_there(root / 'ATTRIBUTION.md'),
        )
    )
    write_atomically(run.work_dir / 'report' / 'index.html', page.encode('utf-8'))
    write_json(run.work_dir / 'summary.json', summary)
    return summary


def _classes(model: BasePretrainer, dataset: BaseDataset) -> tuple[Sequence[str], Tensor]:
    """Names and embeddings of the zero-shot classes, of the model or else of the data set."""
    if model.classifier is not None:
        return model.classifier.classes, model.classifier.prototypes(model.teacher)
    features = dataset.metainfo.get('class_features')
    if features is None:
        raise ConfigError(
            'There are no zero-shot classes to score: set model.classifier, or class_feat_file of '
            'test_dataloader.dataset.'
        )
    features = torch.as_tensor(features, dtype=torch.float32)
    return dataset.metainfo['classes'], F.normalize(features, dim=-1)


def _references(run: FinishedRun, part: ShapeTable) -> dict[str, dict[str, float]]:
    """Return reference rows on the test part, with ridges where they can be fitted."""
    cfg = run.cfg
    if not has_references(cfg):
        return reference_rows(part, part.ids)
    table = shape_table(cfg, run.model.teacher, run.model.classifier)
    test, train = cfg.test_dataloader.dataset, cfg.train_dataloader.dataset
    return split_references(cfg, table, test.ann_file, test.split, train.split)


def _subtitle(run: FinishedRun) -> str:
    cfg = run.cfg
    size = sum(weights.numel() for weights in run.model.parameters()) / 1e6
    facts = (
        f'{escape(cfg.model.type)} trains a {escape(cfg.model.backbone.type)} ({size:.2f} M '
        f'parameters) on the embeddings of {escape(_teacher(run))}',
        f'checkpoint <code>{escape(run.checkpoint.as_posix())}</code>',
        f'seed {cfg.get("randomness", {}).get("seed")}',
    )
    return ', '.join(facts) + '.'


def _teacher(run: FinishedRun) -> str:
    kind = run.model.teacher.describe()['type']
    return f'a frozen {kind}' + (' (cached)' if run.cfg.model.teacher.type != kind else '')


def _image(sample: ShapeDataSample) -> str | None:
    path = sample.image_path
    return path if path and Path(path).is_file() else None


def _cloud(dataset: BaseDataset, row: int) -> dict[str, Any]:
    """Points as they are in the file: the pipeline may mirror them."""
    fields = dataset.load_shape(dataset.get_data_info(row))
    return pack_cloud(fields['xyz'], fields.get('rgb'), dataset.file_up_axis)


def _records(root: Path) -> dict[str, dict[str, Any]]:
    """Record of the data folder's index that name a creator, by id."""
    index = root / 'index.json'
    if not index.is_file():
        return {}
    return {record['id']: record for record in read_json(index) if record.get('creator')}


def _read_if_there(path: Path) -> str:
    return path.read_text(encoding='utf-8') if path.is_file() else ''
