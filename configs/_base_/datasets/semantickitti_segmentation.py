# Segmentation of SemanticKITTI's sweeps by the protocol of SLidR (arXiv 2203.16258): 19 classes;
# every 100th sweep of sequences 00 to 07, 09 and 10; the whole of sequence 08. Intensities are in
# [0, 1] as the files have them.
_base_ = './sweep_segmentation.py'

sweeps = dict(type='SemanticKITTI', data_root='data/semantickitti')
train_dataloader = dict(batch_size=10, dataset=dict(**sweeps, split='train', fraction=0.01))
val_dataloader = dict(batch_size=5, dataset=dict(**sweeps, split='val'))
data_help = """
SemanticKITTI is not here: get the Velodyne point clouds of KITTI odometry (80 GB) from
https://www.cvlibs.net/datasets/kitti and the labels (179 MB) from http://semantic-kitti.org, unpack
both, so that there are data/semantickitti/sequences/00/velodyne/000000.bin and
data/semantickitti/sequences/00/labels/000000.label, or name the folder:
  --cfg-options train_dataloader.dataset.data_root=DIR
"""
