"""From a published checkpoint to weights, configs and meta of this package.

detect -> unwrap -> rename -> shape check -> report. Every tensor of the backbone must find its
place, in both directions: a part that is missing, is left over or has another shape stops it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from mrd_plugin.engine.checkpoints.geometry import GEOMETRY_OF_BACKBONE
from mrd_plugin.engine.checkpoints.matching import LoadReport, compare_weights
from mrd_plugin.engine.checkpoints.module_config import build_module
from mrd_plugin.engine.converters.layout import Found, Layout, choose, flatten
from mrd_plugin.engine.converters.minkowski_networks import RES16UNET, SPARSE_RESNET
from mrd_plugin.engine.converters.point_transformers import POINT_BERT, POINT_PATCH, UNI3D
from mrd_plugin.engine.converters.published_models import FACTS, LIDAR_FACTS, Facts
from mrd_plugin.utils.errors import CheckpointError, ConfigError

_KINDS = ('matched', 'missing', 'unexpected', 'mismatched')


def conversion_table(
    title: str,
    reports: Mapping[str, LoadReport],
    aside: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return what became of each tensor, and where each setting is from.

    Args:
        title: The file and what it is.
        reports: By part of the network.
        aside: Names of tensors that no part needs.
        settings: By origin: the weights, the table of facts, the person.
    """
    lines = [title, f'{"":12}' + ''.join(f'{kind:>12}' for kind in _KINDS)]
    for part, report in reports.items():
        lines.append(f'{part:12}' + ''.join(f'{len(getattr(report, kind)):12}' for kind in _KINDS))
    groups = Counter(_group(name) for name in aside)
    shown = ', '.join(f'{name} ({count})' for name, count in groups.most_common()) or 'nothing'
    lines.append(f'{"set aside":12}{shown}')
    for origin, values in settings.items():
        pairs = ', '.join(f'{key}={value}' for key, value in values.items()) or 'nothing'
        lines.append(f'{origin:12}{pairs}')
    return '\n'.join(lines)


def _group(name: str) -> str:
    """Return the part of a file that a tensor belongs to, by its name without numbers."""
    parts = name.split('.')[:-1] or [name]
    numbers = [index for index, part in enumerate(parts) if part.isdigit()]
    return '.'.join(parts[: min([*numbers, 4])])


LAYOUTS = (POINT_PATCH, POINT_BERT, UNI3D, RES16UNET, SPARSE_RESNET)
_KNOWN = {**FACTS, **LIDAR_FACTS}
_GEOMETRY = ('up_axis', 'no_colour', 'normalisation', 'num_points', 'channels')
_OTHERS = {
    'adapter.fc.0.weight': "TAMM's stage-1 image adapter, which holds no 3D backbone",
    'dgcnn_1.layer1.0.weight': "Point-BERT's discrete VAE, which holds no transformer",
    'point_encoder.sa1.mlp_convs.0.weight': "ULIP's PointNet++, which this package does not have",
    'point_encoder.embedding.net.0.weight': "ULIP's PointMLP, which this package does not have",
}


@dataclass(frozen=True)
class Converted:
    """A published checkpoint in the terms of this package.

    Attributes:
        family: Its row of the table of facts.
        state_dict: ``backbone.*`` and, where the file has them, ``head.*`` and others.
        meta: ``geometry``, ``backbone`` and ``head`` or ``parts`` (configs) and ``published``
            (where it is from).
        report: What became of each tensor and where each setting is from.
    """

    family: str
    state_dict: dict[str, Tensor]
    meta: dict[str, Any]
    report: str


def convert(
    content: Mapping[str, Any],
    path: str | Path,
    family: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Converted:
    """Recognise and translate a published checkpoint.

    Args:
        content: What :func:`read_checkpoint` returned.
        path: Where it is from, for messages and meta.
        family: What it is believed to be; another one is refused.
        settings: Instead of the table's, or where it asks: keys of the backbone's config, and
            ``up_axis``, ``no_colour``, ``normalisation``, ``num_points``.

    Raises:
        CheckpointError: It is none of the known families or not the one it is believed to be, a
            part of it is missing, left over or of another size, or a setting is not known.
        ConfigError: ``family`` or a key of ``settings`` does not exist.
    """
    if family is not None and family not in _KNOWN:
        raise ConfigError(f'family={family!r}: expected one of {", ".join(_KNOWN)}.')
    try:
        layout, found, name = detect(flatten(content))
        if family not in (None, name):
            raise CheckpointError(f'it is of the family {name} and not of {family}')
        return _convert(Path(path), layout, found, name, dict(settings or {}))
    except (CheckpointError, ConfigError) as error:
        raise type(error)(f'{path}: {error}.') from error
    except (IndexError, RuntimeError, ValueError) as error:  # shapes that no network has
        raise CheckpointError(
            f'{path}: its tensors have other shapes than their names promise ({error}); it is '
            'damaged or forged, get it again.'
        ) from error


def detect(tensors: Mapping[str, Tensor]) -> tuple[Layout, Found, str]:
    """Return the layout, the place and the family of the network among the tensors of a file.

    Raises:
        CheckpointError: There is none that is known.
    """
    for layout in LAYOUTS:
        networks = layout.find(tensors)
        if not networks:
            continue
        found = choose(networks)
        family = layout.family(found)
        if family is None:
            raise CheckpointError(
                f'there is a {layout.backbone} at {found.prefix!r}, but neither sizes nor head nor '
                'wrapping tell whose it is, and so how its points must look; known are the files '
                f'of {", ".join(_KNOWN)}'
            )
        return layout, found, family
    for marker, what in _OTHERS.items():
        if any(('.' + name).endswith('.' + marker) for name in tensors):
            raise CheckpointError(f'it is {what}')
    first = ', '.join(list(tensors)[:3]) or 'none at all'
    raise CheckpointError(
        f'none of the families {", ".join(_KNOWN)} names its tensors like this file ({first}, ...)'
    )


def _convert(
    path: Path, layout: Layout, found: Found, family: str, settings: dict[str, Any]
) -> Converted:
    facts = _KNOWN[family]
    sizes = layout.sizes(found)
    _check_settings(facts, sizes, settings)
    table_of_facts = {**facts.backbone, **facts.geometry}
    resolved = {**sizes, **table_of_facts, **settings}
    resolved.pop('out_channels', None)  # of the head
    geometry = {key: resolved.pop(key) for key in _geometry_keys(facts) if key in resolved}
    geometry.update({key: resolved[key] for key in GEOMETRY_OF_BACKBONE if key in resolved})
    meta: dict[str, Any] = dict(
        geometry=geometry,
        backbone={'type': layout.backbone, **resolved},
        head=None,
        published=dict(family=family, title=facts.title, embedding=facts.embedding, file=path.name),
    )

    backbone, heads, aside = layout.translate(found)
    with torch.device('meta'):
        module = build_module(meta['backbone'])
        reports = {'backbone': compare_weights(module.state_dict(), backbone)}
        width = cast(int, module.out_channels)
        if layout.parts is None:
            meta['head'] = _head_config(heads, width)
            parts = {} if meta['head'] is None else {'head': meta['head']}
        else:
            parts = meta['parts'] = layout.parts(heads, width)
        for part, cfg in parts.items():
            own = build_module(cfg).state_dict()
            given = {name: heads[name] for name in heads if name.startswith(f'{part}.')}
            reports[part] = compare_weights({f'{part}.{name}': own[name] for name in own}, given)
    for part, report in reports.items():
        if report.coverage < 1 or report.unexpected:
            lines = str(report).replace('\n', '; ')
            raise CheckpointError(
                f'it looks like {facts.title}, but its {part} does not fit: {lines}'
            )
    return Converted(
        family=family,
        state_dict={**{f'backbone.{name}': backbone[name] for name in backbone}, **heads},
        meta=meta,
        report=conversion_table(
            f'{path.name}: {facts.title} ({family}), found at {found.prefix!r}',
            reports,
            aside,
            {
                'by weights': sizes,
                'by table': {k: v for k, v in table_of_facts.items() if k not in settings},
                'given': settings,
            },
        ),
    )


def _geometry_keys(facts: Facts) -> list[str]:
    """Return settings on how points look that no constructor of a backbone takes."""
    keys = facts.geometry if 'coordinates' in facts.geometry else _GEOMETRY
    return [key for key in keys if key not in facts.backbone]


def _head_config(heads: Mapping[str, Tensor], in_channels: int) -> dict[str, Any] | None:
    """Return the config of a file's head: one projection, TAMM's two adapters, or none."""
    if 'head.proj.weight' in heads:
        bias = 'head.proj.bias' in heads
        width = len(heads['head.proj.weight'])
        return dict(type='ProjectionHead', in_channels=in_channels, out_channels=width, bias=bias)
    if heads:
        hidden, width = (len(heads.get(f'head.image.{k}.weight', ())) for k in (0, 4))
        return dict(
            type='DualAdapter',
            in_channels=in_channels,
            hidden_channels=hidden,
            out_channels=width,
        )
    return None


def _check_settings(facts: Facts, sizes: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Compare the sizes of the file and the given settings with what is known of the family.

    Raises:
        CheckpointError: The sizes are others and were not given, or a setting is to be given.
        ConfigError: A setting does not exist.
    """
    known = {*sizes, *facts.backbone, *facts.ask, *_geometry_keys(facts)}
    for key in settings:
        if key not in known:
            raise ConfigError(f'setting {key}: expected one of {", ".join(sorted(known))}')
    keys = list({**facts.sizes, **sizes})
    differs = [k for k in keys if sizes.get(k) != settings.get(k, facts.sizes.get(k))]
    if differs:
        here = ', '.join(f'{key}={sizes.get(key)}' for key in differs)
        expected = ', '.join(f'{key}={settings.get(key, facts.sizes.get(key))}' for key in differs)
        raise CheckpointError(
            f'it looks like {facts.title}, but has {here} where {expected} is expected: it is cut, '
            'or another training; if you know it to be whole, give these sizes as settings'
        )
    other = any(sizes.get(key) != facts.sizes.get(key) for key in keys)
    for key in [*(facts.backbone if other else ()), *facts.ask]:
        if key not in settings:
            choices = f' ({facts.ask[key]})' if key in facts.ask else ''
            raise CheckpointError(
                f'its weights do not tell {key}{choices}; give {key}=... as a setting'
            )
