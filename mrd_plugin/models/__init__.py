"""Backbones, teachers, heads, losses and pre-trainers."""

from mrd_plugin.models import (  # noqa: F401
    backbones,
    data_preprocessors,
    downstream,
    heads,
    losses,
    pretrainers,
    teachers,
)
