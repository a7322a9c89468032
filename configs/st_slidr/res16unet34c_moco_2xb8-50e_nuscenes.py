# ST-SLidR's own recipe (stslidr_classbalance_moco.yaml): cylindrical voxels of 0.1 m x 1 degree x
# 0.1 m, intensities as nuScenes has them, 16 keyframes a step on two GPUs.
_base_ = './minkunet34_nuscenes.py'

train_dataloader = dict(batch_size=8, dataset=dict(intensity_scale=1.0))
val_dataloader = dict(dataset=dict(intensity_scale=1.0))
model = dict(
    data_preprocessor=dict(voxel_size=(0.1, 1.0, 0.1), coordinates='cylindrical'),
)
work_dir = 'work_dirs/st_slidr_res16unet34c_moco_2xb8-50e_nuscenes'
