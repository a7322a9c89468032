# KITTI: the 7,481 training frames of the object benchmark; for raw recordings set layout='raw' and
# data_root. Method configs take the pipeline that they need, e.g.
# pipeline={{_base_.superpixel_pipeline}}. Intensities of KITTI are in [0, 1] already.
_base_ = './image_lidar_pairs.py'

data_root = 'data/kitti/training'
train_dataloader = dict(
    dataset=dict(type='KITTIPairs', data_root=data_root, layout='object', cameras=['image_2'])
)
