# The recipe of SLidR's repository for PPKT (ppkt_nuscenes.yaml): cylindrical voxels of 0.1 m x 1
# degree x 0.1 m, intensities as nuScenes has them, 4 keyframes a step on one GPU.
_base_ = './minkunet34_nuscenes.py'

train_dataloader = dict(batch_size=4, dataset=dict(intensity_scale=1.0))
val_dataloader = dict(dataset=dict(intensity_scale=1.0))
model = dict(
    data_preprocessor=dict(voxel_size=(0.1, 1.0, 0.1), coordinates='cylindrical'),
)
work_dir = 'work_dirs/ppkt_res16unet34c_moco_1xb4-50e_nuscenes'
