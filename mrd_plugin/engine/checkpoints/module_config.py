"""Configs that lie in a checkpoint: found, read and built without running them.

mmengine keeps a run's config as Python text in ``meta['cfg']``; reading it with
``Config.fromstring`` would run it, and building a config whose ``type`` is a dotted path would
import and call that path. Here the text is read as literals, and a ``type`` must be the name of a
registered module.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from mmengine.registry import MODELS
from torch import nn

from mrd_plugin.utils.errors import CheckpointError


def module_configs(meta: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the configs of ``backbone`` and ``head`` of a checkpoint, of those that it has.

    Args:
        meta: ``checkpoint['meta']``, of a converted checkpoint (``backbone`` and ``head``) or of a
            training (``cfg``).

    Raises:
        CheckpointError: ``meta['cfg']`` is no config of literals.
    """
    found = meta if isinstance(meta.get('backbone'), Mapping) else _model_of(meta.get('cfg'))
    return {
        key: dict(found[key]) for key in ('backbone', 'head') if isinstance(found.get(key), Mapping)
    }


def build_module(cfg: Mapping[str, Any]) -> Any:
    """Build a module from a config that came with a checkpoint, without initialising its weights.

    Raises:
        CheckpointError: A ``type`` in it is no registered module, or the module can't be built so.
    """
    try:
        return MODELS.build(_checked(cfg))
    except CheckpointError:
        raise
    except Exception as error:  # the class meets arguments that another version wrote
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointError(f'its {cfg.get("type")} can not be built ({reason})') from error


def _checked(value: Any) -> Any:
    if isinstance(value, Mapping):
        kind = value.get('type')
        if kind is not None and not _registered(kind):
            raise CheckpointError(
                f'its config asks for type={kind!r}, which is no registered module; import the '
                'package that registers it first'
            )
        return {key: _checked(item) for key, item in value.items() if key != 'init_cfg'}
    return [_checked(item) for item in value] if isinstance(value, (list, tuple)) else value


def _registered(kind: Any) -> bool:
    known = MODELS.module_dict.get(kind) if isinstance(kind, str) else None
    return isinstance(known, type) and issubclass(known, nn.Module)


def _model_of(text: Any) -> Mapping[str, Any]:
    """Return the value of ``model`` in a config's text."""
    if not isinstance(text, str):
        return {}
    try:
        for statement in ast.parse(text).body:
            if isinstance(statement, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == 'model'
                for target in statement.targets
            ):
                model = _literal(statement.value)
                return model if isinstance(model, Mapping) else {}
    except (SyntaxError, ValueError, RecursionError) as error:
        raise CheckpointError(f'its meta holds no config that can be read ({error})') from error
    return {}


def _literal(node: ast.expr) -> Any:
    """Evaluate literals and ``dict(...)`` calls, nothing else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        merged: dict[str, Any] = {}
        for argument in node.args:
            merged.update(_literal(argument))
        for keyword in node.keywords:
            value = _literal(keyword.value)
            merged.update(value if keyword.arg is None else {keyword.arg: value})
        return merged
    if isinstance(node, ast.Dict):
        return {
            ast.literal_eval(key): _literal(value)
            for key, value in zip(node.keys, node.values)
            if key is not None
        }
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [_literal(item) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    return ast.literal_eval(node)
