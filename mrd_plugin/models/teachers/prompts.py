"""Prompt templates around a name: a text tower reads "a photo of a chair" better than "chair"."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from mrd_plugin.utils.errors import ConfigError

IDENTITY = ('{}',)

SHORT = (
    'a {}',
    'a picture of a {}',
    'a 3D model of a {}',
    'a point cloud of a {}',
    'a rendered {} on a white background',
    'an object that is called {}',
)

# 64 = 8 kinds of depiction x 8 ways to name the thing. They say of what sort the data is (one whole
# object, synthetic, coloured points) and nothing about a class, so they serve every label set.
_DEPICTIONS = (
    '{}.',
    'a 3D model of {}.',
    'a coloured point cloud of {}.',
    'a computer rendering of {}.',
    'a picture of {} on a plain background.',
    'a scan of {}.',
    'a polygon mesh of {}.',
    'a catalogue picture of {}.',
)
_THINGS = (
    'a {}',
    'one {}',
    'the whole {}',
    'a single {} seen from the side',
    'a small {}',
    'a large {}',
    'an everyday {}',
    'an object known as {}',
)
OPENSHAPE64 = tuple(depiction.format(thing) for depiction, thing in product(_DEPICTIONS, _THINGS))

TEMPLATE_SETS = {'identity': IDENTITY, 'openshape64': OPENSHAPE64, 'short': SHORT}
"""Sets by name. ``openshape64`` has as many prompts as OpenShape averages for zero-shot; the
wording is ours."""


def get_templates(templates: str | Sequence[str]) -> tuple[str, ...]:
    """Templates of a set's name, or the given ones after a check.

    Args:
        templates: The name of a set, or strings that contain ``{}`` once.

    Raises:
        ConfigError: The name is unknown, there is no template, or one hasn't exactly one ``{}``.
    """
    if isinstance(templates, str):
        if templates not in TEMPLATE_SETS:
            raise ConfigError(
                f"teacher: templates='{templates}' is no template set; choose one of "
                f'{sorted(TEMPLATE_SETS)} or give a list of strings with {{}} in them'
            )
        return TEMPLATE_SETS[templates]
    wrong = [template for template in templates if template.count('{}') != 1]
    if wrong or not templates:
        raise ConfigError(
            f'teacher: templates must be one or more strings that contain {{}} once, got '
            f'{wrong[:1] or list(templates)}'
        )
    return tuple(templates)


def fill_prompts(names: Sequence[str], templates: Sequence[str]) -> list[str]:
    """Put ``K`` names into ``T`` templates: ``K * T`` prompts, those of one name side by side."""
    return [template.replace('{}', name) for name in names for template in templates]
