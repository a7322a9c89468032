# ST-SLidR's own recipe (stslidr_classbalance_swav.yaml) with the ResNet-50 of SwAV:
#   https://dl.fbaipublicfiles.com/deepcluster/swav_800ep_pretrain.pth.tar
_base_ = './res16unet34c_moco_2xb8-50e_nuscenes.py'

model = dict(teacher=dict(weights='weights/swav_800ep_pretrain.pth.tar'))
work_dir = 'work_dirs/st_slidr_res16unet34c_swav_2xb8-50e_nuscenes'
