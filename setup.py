"""Packaging of mrd_plugin.

Lower bounds everywhere; an upper bound only where a break is known, with the break beside it. A
full set of versions that was tested together is in requirements/constraints.txt.
"""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

SHAPE = [
    'huggingface_hub>=0.20',
    'mmengine>=0.10.3',
    'numba>=0.57',
    'numpy>=1.24',
    'open_clip_torch>=2.24',
    'pillow>=9.1',
    'safetensors>=0.4',
    'scikit-learn>=1.2',
    'scipy>=1.9',
    # mmengine imports pkg_resources, which setuptools 82 no longer has.
    'setuptools>=64,<82',
    'timm>=0.9.12',
    'tokenizers>=0.15',
    'torch>=2.1',
    'torchvision>=0.16',
    'tqdm>=4.62',
    'trimesh>=4.6',
]
MMDET3D = [
    # mmdet 3.3 and mmdet3d 1.4 refuse mmcv 2.2.
    'mmcv>=2.0.0,<2.2.0',
    'mmdet>=3.3.0',
    'mmdet3d>=1.4.0',
    # mmdet3d asks for any nuscenes-devkit; below 1.2 it pins a matplotlib that does not build.
    'nuscenes-devkit>=1.2.0',
    # nuscenes-devkit asks for numpy 1.
    'numpy>=1.24,<2',
    # opencv-python 4.12 asks for numpy 2.
    'opencv-python>=4.6,<4.12',
    'opencv-python-headless>=4.6,<4.12',
    # SLIC superpixels.
    'scikit-image>=0.20',
]
# Sparse convolution; the CPU wheel. With a GPU the wheel of its CUDA version: spconv-cu126.
SPARSE = ['spconv>=2.3.6']
RENDER = ['embreex>=4.4']
# ModelNet40 and ScanObjectNN in their HDF5 files.
H5 = ['h5py>=3.8']
VIS = ['matplotlib>=3.6']
DEV = [
    'import-linter>=2.1',
    'mypy>=1.8',
    'ninja>=1.11',
    'psutil>=5.9',
    'pytest>=7.4',
    'pytest-xdist>=3.5',
    'pyyaml>=6.0',
    'ruff>=0.4',
    'shapely>=2.0',
    'wheel>=0.40',
]
# The site of docs/ and of the docstrings.
DOCS = ['furo>=2024.1', 'myst-parser>=3.0', 'sphinx>=7.4']
URL = 'https://github.com/mrd-plugin/mrd_plugin'

version: dict = {}
exec((ROOT / 'mrd_plugin' / 'version.py').read_text(encoding='utf-8'), version)

setup(
    name='mrd_plugin',
    version=version['__version__'],
    description='Multi-modal distillation for 3D backbones: a plugin of MMEngine and MMDetection3D',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The mrd_plugin authors',
    license='Apache-2.0',
    license_files=['LICENSE', 'NOTICE'],
    url=URL,
    project_urls={
        'Documentation': f'{URL}/blob/main/docs/index.md',
        'Changelog': f'{URL}/blob/main/CHANGELOG.md',
        'Issues': f'{URL}/issues',
    },
    keywords=[
        '3D representation learning',
        'knowledge distillation',
        'LiDAR',
        'MMDetection3D',
        'MMEngine',
        'multi-modal pre-training',
        'point cloud',
        'zero-shot classification',
    ],
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'License :: OSI Approved :: Apache Software License',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    python_requires='>=3.9',
    packages=find_packages(include=['mrd_plugin', 'mrd_plugin.*']),
    # mrd_plugin/.mim holds links to configs, tools and model-index.yml, where mim and mmengine's
    # `_base_ = ['mrd_plugin::...']` look for them; a wheel gets copies.
    package_data={
        'mrd_plugin': [
            'reports/assets/*',
            '.mim/model-index.yml',
            '.mim/configs/**/*',
            '.mim/tools/**/*',
            'py.typed',
        ]
    },
    exclude_package_data={'mrd_plugin': ['.mim/**/*.pyc']},
    install_requires=SHAPE,
    extras_require={
        'mmdet3d': MMDET3D + SPARSE,
        'sparse': SPARSE,
        'render': RENDER,
        'h5': H5,
        'vis': VIS,
        'dev': H5 + DEV,
        'docs': DOCS,
        'all': MMDET3D + SPARSE + RENDER + H5 + VIS + DEV + DOCS,
    },
    zip_safe=False,
)
