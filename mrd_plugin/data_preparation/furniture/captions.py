"""Words for a catalogue shape: its head noun and captions from name, tags and category."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

HOUSEKEEPING_TAGS = frozenset({'blend swap', 'scpts', 'adjustable'})
"""Tags that say where a model came from, which delivery it was part of or that the drawing program
can bend it, and nothing about what it is."""

CATEGORY_PHRASES = {
    'Bathroom': '{} for the bathroom',
    'Bedroom': '{} for the bedroom',
    'Characters': '{}, a figure',
    'Doors and windows': '{} of a house',
    'Exterior': '{} outdoors',
    'Kitchen': '{} for the kitchen',
    'Lights': '{} that gives light',
    'Living room': '{} for the living room',
    'Office': '{} for the office',
    'Staircases': '{} between two floors',
    'Vehicles': '{}, a vehicle',
}
"""How a category reads in a caption. `Miscellaneous` says nothing and is left out."""

_CUT = re.compile(r'\s(?:with|without|of|for|on|in|under|and|from|to|at|by)\s|\s-\s', re.IGNORECASE)
_PLURAL_ONLY = frozenset(
    {'clothes', 'fries', 'headphones', 'pliers', 'scissors', 'sunglasses', 'trousers'}
)


def singular(word: str) -> str:
    """Singular of a lower-case English noun, by the four endings the catalogue has."""
    if word in _PLURAL_ONLY:
        return word
    if word.endswith('ves'):
        return word[:-3] + 'f'
    if word.endswith(('sses', 'shes', 'ches', 'xes')):
        return word[:-2]
    if word.endswith('s') and not word.endswith(('ss', 'us', 'is')):
        return word[:-1]
    return word


def head_noun(name: str) -> str:
    """Return the noun a name is about.

    Brackets and digits go, everything behind a preposition, a dash or ``and`` goes, and the last
    word that is left is the noun: ``'Glass door cabinet'`` is a cabinet, ``'Chair with cushion'`` a
    chair.

    Returns:
        One lower-case word in the singular; the whole name in lower case if no word is left.
    """
    text = re.sub(r'\([^)]*\)|\[[^]]*\]', ' ', name)
    text = _CUT.split(re.sub(r'\d+', ' ', text))[0]
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text)
    return singular(words[-1].lower()) if words else name.lower()


def useful_tags(name: str, tags: Sequence[str]) -> list[str]:
    """Tags in lower case that add to the name: nothing administrative, no numbers or repetition."""
    known = set(re.findall(r'\w+', name.lower()))
    kept: list[str] = []
    for tag in (tag.lower() for tag in tags):
        words = set(re.findall(r'\w+', tag))
        if tag in HOUSEKEEPING_TAGS or tag.isdigit() or words <= known or tag in kept:
            continue
        kept.append(tag)
    return kept


def captions(name: str, tags: Sequence[str], category: str) -> list[str]:
    """Captions of one shape, the bare name first, without doubles.

    Args:
        name: English name.
        tags: Tags of the catalogue, administrative tags included.
        category: Category of the catalogue.

    Returns:
        One to four captions: the name; name and tags; name and category; all three.
    """
    short = name.lower()
    kept = useful_tags(name, tags)
    tagged = ', '.join([short, *kept])
    found = [short, tagged]
    if category in CATEGORY_PHRASES:
        placed = CATEGORY_PHRASES[category].format(short)
        found += [placed, ', '.join([placed, *kept])]
    return list(dict.fromkeys(found))


def frequent_nouns(nouns: Iterable[str], at_least: int = 6) -> list[str]:
    """Nouns carried by `at_least` shapes or more, in alphabetical order."""
    counts = Counter(nouns)
    return sorted(noun for noun, count in counts.items() if count >= at_least)
