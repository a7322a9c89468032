"""The teacher of a config that is used without its student."""

from __future__ import annotations

from typing import Any

from mmengine.registry import MODELS

from mrd_plugin.models.teachers import Teacher
from mrd_plugin.utils.errors import ConfigError


def build_teacher(config: dict[str, Any] | None, where: object) -> Teacher:
    """Build a teacher of pictures and texts.

    Args:
        config (dict, optional): Its config, for instance ``cfg.model.get('teacher')``.
        where (object): File that it is from, for the message.

    Raises:
        ConfigError: There is none, or it is of another family, such as an image backbone.
    """
    kind = (config or {}).get('type')
    known = MODELS.get(kind) if isinstance(kind, str) else kind
    if config is None or (known is not None and not issubclass(known, Teacher)):
        raise ConfigError(
            f'{where}: model.teacher is {kind}, expected one of pictures and texts, such as ConSETeacher '
            'or OpenCLIPTeacher; take a config that pre-trains on shapes.'
        )
    return MODELS.build(config)
