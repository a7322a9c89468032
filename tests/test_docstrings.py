"""The examples in the docstrings of the most used classes run, and give what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

EXAMPLES = {
    'mrd_plugin.apis.weights': ['load_backbone'],
    'mrd_plugin.datasets.shapes.shape_folder': ['ShapeFolderDataset'],
    'mrd_plugin.datasets.transforms.shapes.geometry': ['CenterScaleUnitBall'],
    'mrd_plugin.datasets.transforms.shapes.points': ['SamplePoints'],
    'mrd_plugin.evaluation.accuracy': ['ZeroShotAccuracy'],
    'mrd_plugin.methods.contrast.align_loss': ['AlignLoss'],
    'mrd_plugin.methods.contrast.triplets': ['Triplets'],
    'mrd_plugin.methods.mrd.mrd': ['MRDLoss'],
    'mrd_plugin.methods.openshape.shape_aligner': ['ShapeAligner'],
    'mrd_plugin.models.backbones.points.point_bert': ['PointBERT'],
    'mrd_plugin.models.backbones.points.point_patch_transformer': ['PointPatchTransformer'],
    'mrd_plugin.models.backbones.voxels.minkunet': ['MinkUNetStudent'],
    'mrd_plugin.models.teachers.vision_language.conse': ['ConSETeacher'],
}
NEEDS = {'mrd_plugin.models.backbones.voxels.minkunet': 'mmdet3d'}


@pytest.mark.parametrize('name', EXAMPLES)
def test_examples_run(name):
    pytest.importorskip(NEEDS.get(name, 'mrd_plugin'))
    module = importlib.import_module(name)
    found = {test.name: test for test in doctest.DocTestFinder().find(module) if test.examples}
    assert {f'{name}.{wanted}' for wanted in EXAMPLES[name]} <= set(found)
    runner = doctest.DocTestRunner()
    report: list[str] = []
    for test in found.values():
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, ''.join(report)
