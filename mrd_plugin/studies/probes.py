"""Probes of frozen features: a linear classifier, nearest neighbours, few shots.

The estimators are scikit-learn's. Everything that could be tuned is chosen on validation rows, or
by cross-validation inside the training rows; test rows choose nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from mrd_plugin.utils.errors import ConfigError

LINEAR_C = tuple(10.0**power for power in range(-3, 3))
"""Inverse penalties to choose from, on features scaled by :class:`CentreScale`."""

FEW_SHOT_C = 1.0
"""Inverse penalty of the few-shot probes: with one shot there is nothing to choose it on."""

NEIGHBOURS = (1, 3, 5, 10, 20)
"""Numbers of neighbours to choose from."""


class CentreScale(TransformerMixin, BaseEstimator):
    """Centre features and divide all of them by one number, so that their mean variance is 1.

    A penalty then means the same for every backbone. Unlike standardising each feature it keeps the
    directions small that the backbone hardly uses.
    """

    def fit(self, features: np.ndarray, labels: np.ndarray | None = None) -> CentreScale:
        """Take centre and scale from training features ``(n, F)``."""
        self.mean_ = features.mean(axis=0)
        self.scale_ = max(float(np.sqrt(features.var(axis=0).mean())), 1e-12)
        return self

    def transform(self, features: np.ndarray) -> np.ndarray:
        """Centre and scale ``(n, F)``."""
        return (features - self.mean_) / self.scale_


def linear_probe(
    features: np.ndarray, labels: np.ndarray, validation: np.ndarray | None = None
) -> BaseEstimator:
    """Fit multinomial logistic regression on features scaled by :class:`CentreScale`.

    Args:
        features: ``(n, F)``.
        labels: ``(n,)`` class numbers, all >= 0.
        validation: ``(n,)`` bool, the rows that the penalty of :data:`LINEAR_C` is chosen on; the
            final fit is on all rows. Defaults to None, stratified cross-validation.

    Returns:
        Fitted, with ``predict``.
    """
    grid = {'logisticregression__C': LINEAR_C}
    return _choose(_logistic_regression(), grid, features, labels, validation)


def knn_probe(
    features: np.ndarray, labels: np.ndarray, validation: np.ndarray | None = None
) -> BaseEstimator:
    """Fit nearest neighbours by cosine, each counting by its similarity; arguments as above."""
    smallest = len(features) if validation is None else int((~validation).sum())
    counts = [k for k in NEIGHBOURS if k <= smallest // 2] or [1]
    model = make_pipeline(KNeighborsClassifier(metric='cosine', weights='distance'))
    return _choose(
        model, {'kneighborsclassifier__n_neighbors': counts}, features, labels, validation
    )


def few_shot_probe(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    shots: int,
    ways: int | None = None,
    draws: int = 10,
    exclude: Mapping[str, Sequence[int]] | None = None,
) -> list[dict[str, float]]:
    """K-way N-shot linear probes, drawn several times.

    Draw ``d`` takes K of the classes (all, if ``ways`` is None), N training shapes of each, fits
    logistic regression on them and is scored on all test shapes of these classes; it depends on
    ``d`` alone, so that two backbones see the same shots. A class with fewer shapes gives all it
    has.

    Args:
        train: Features ``(n, F)`` and labels ``(n,)`` to draw the shots from.
        test: Features ``(m, F)`` and labels ``(m,)``.
        shots: N.
        ways: K. Defaults to None.
        draws: Defaults to 10.
        exclude: See :func:`accuracies`.

    Returns:
        Metrics of each draw, as :func:`accuracies` gives them, and ``shots``, the mean number of
        shapes per class.

    Raises:
        ConfigError: There are fewer than ``ways`` classes in both parts.
    """
    features, labels = train
    classes = np.intersect1d(labels, test[1])
    if len(classes) < (ways or 2):
        raise ConfigError(
            f'few-shot ways={ways}: only {len(classes)} classes are in both the training and the '
            'test part.'
        )
    metrics = []
    for draw in range(draws):
        rng = np.random.default_rng((draw, shots))
        chosen = rng.permutation(classes)[:ways] if ways else classes
        rows = np.concatenate(
            [rng.permutation(np.flatnonzero(labels == c))[:shots] for c in chosen]
        )
        with warnings.catch_warnings():  # scikit-learn takes one shot per class for a regression
            warnings.filterwarnings('ignore', 'The number of unique classes')
            model = _logistic_regression(FEW_SHOT_C).fit(features[rows], labels[rows])
        asked = np.isin(test[1], chosen)
        found = accuracies(model.predict(test[0][asked]), test[1][asked], exclude)
        metrics.append({**found, 'shots': len(rows) / len(chosen)})
    return metrics


def accuracies(
    predicted: np.ndarray,
    labels: np.ndarray,
    exclude: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, float]:
    """Top-1 over all rows, mean over the classes that occur, and N; fractions.

    Args:
        predicted: ``(m,)`` class numbers.
        labels: ``(m,)`` true ones.
        exclude: Prefixes of further figures, and the classes whose rows these leave out. Defaults
            to None.
    """
    right = predicted == labels
    metrics: dict[str, float] = {}
    for prefix, numbers in {'accuracy': (), **(exclude or {})}.items():
        kept = ~np.isin(labels, list(numbers))
        each = [float(right[labels == name].mean()) for name in np.unique(labels[kept])]
        metrics[f'{prefix}/n'] = int(kept.sum())
        metrics[f'{prefix}/top1'] = float(right[kept].mean()) if kept.any() else 0.0
        metrics[f'{prefix}/mean_class_top1'] = float(np.mean(each)) if each else 0.0
    return metrics


def _logistic_regression(strength: float = 1.0) -> Pipeline:
    return make_pipeline(CentreScale(), LogisticRegression(C=strength, max_iter=2000))


def _choose(
    model: Pipeline,
    grid: Mapping[str, Sequence[float]],
    features: np.ndarray,
    labels: np.ndarray,
    validation: np.ndarray | None,
) -> BaseEstimator:
    """Fit on all rows with the setting that is best on held-out rows, ties to the first."""
    if validation is not None and validation.any() and not validation.all():
        folds = PredefinedSplit(np.where(validation, 0, -1))
    else:
        rarest = int(np.unique(labels, return_counts=True)[1].min())
        folds = StratifiedKFold(min(5, max(2, rarest)), shuffle=True, random_state=0)
    return GridSearchCV(model, grid, cv=folds, error_score='raise').fit(features, labels)
