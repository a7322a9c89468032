"""Backbones, teachers, shared heads, downstream models and preprocessors."""

from mrd_plugin.models import (  # noqa: F401
    backbones,
    downstream,
    heads,
    preprocessors,
    teachers,
)
