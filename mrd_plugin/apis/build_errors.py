"""What a registry could not build, said in one sentence."""

from __future__ import annotations

import difflib
import inspect
import re
import traceback
from typing import Any

_UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")
_UNKNOWN = re.compile(r'(\w+) is not in the (\S+) registry')


def explain_build_error(error: BaseException) -> str | None:
    """Explain a misspelt option or type of a config.

    Args:
        error: What was raised, with its traceback.

    Returns:
        str, optional: The class, the word it does not know and the nearest one that it knows; None if the
        error is another, or if no registry was building anything: it is then a fault of code, and
        wants its traceback.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    building = [frame for frame in frames if frame.f_code.co_name == 'build_from_cfg']
    if not building:
        return None
    found = building[-1].f_locals
    option, kind = _UNEXPECTED.search(str(error)), _UNKNOWN.search(str(error))
    if isinstance(error, TypeError) and option and 'obj_cls' in found:
        name, known = option[1], _options(found['obj_cls'])
        subject = f'{found["obj_cls"].__name__} has no option {name!r}'
    elif isinstance(error, KeyError) and kind:
        name, known = kind[1], list(found['registry'].module_dict)
        subject = f'type={name!r} is not in the registry {kind[2]!r}'
    else:
        return None
    near = difflib.get_close_matches(name, known, n=1)
    hint = f' (did you mean {near[0]!r}?)' if near else ''
    return f'{subject}{hint}; correct the config or --cfg-options.'


def _options(cls: Any) -> list[str]:
    """Keyword arguments of a class and of those that it hands the rest to."""
    makers = [vars(one)['__init__'] for one in inspect.getmro(cls) if '__init__' in vars(one)]
    return [name for maker in makers for name in inspect.signature(maker).parameters]
