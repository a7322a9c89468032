# ST-SLidR's own recipe (stslidr_classbalance_dino.yaml) with the ResNet-50 of DINO:
#   https://dl.fbaipublicfiles.com/dino/dino_resnet50_pretrain/dino_resnet50_pretrain.pth
_base_ = './res16unet34c_moco_2xb8-50e_nuscenes.py'

model = dict(teacher=dict(weights='weights/dino_resnet50_pretrain.pth'))
work_dir = 'work_dirs/st_slidr_res16unet34c_dino_2xb8-50e_nuscenes'
