"""Synthetic files in the published forms, typed from the lists of their names, not our code."""

from __future__ import annotations

import argparse

import torch


def fill(shapes, seed=0):
    """Random tensors of the given shapes; running variances are positive."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        inside = torch.Size(shape[1:]).numel()
        tensor = torch.randn(shape, generator=generator) * inside**-0.5
        if name.endswith('running_var'):
            tensor = tensor.abs() + 0.5
        elif name.endswith('num_batches_tracked'):
            tensor = torch.tensor(7)
        elif name.endswith('weight') and len(shape) == 1:
            tensor = tensor * 0.1 + 1
        state[name] = tensor
    return state


def batch_norm(name, width):
    vectors = ('weight', 'bias', 'running_mean', 'running_var')
    return {**{f'{name}.{key}': (width,) for key in vectors}, f'{name}.num_batches_tracked': ()}


def linear(name, out, inside, *rest, bias=True):
    return {f'{name}.weight': (out, inside, *rest), **({f'{name}.bias': (out,)} if bias else {})}


def layer_norm(name, width):
    return {f'{name}.weight': (width,), f'{name}.bias': (width,)}


def ppat(dim, depth, heads, mlp, sa_dim, in_channels=6):
    """OpenShape's point transformer."""
    names = {'cls_token': (dim,)}
    widths = [in_channels + 3, 64, 64, sa_dim]
    for k in range(3):
        names |= linear(f'sa.mlp_convs.{k}', widths[k + 1], widths[k], 1, 1)
        names |= batch_norm(f'sa.mlp_bns.{k}', widths[k + 1])
    names |= linear('lift.0', dim, sa_dim + 3, 1) | layer_norm('lift.2', dim)
    for i in range(depth):
        one, two = f'transformer.layers.{i}.0', f'transformer.layers.{i}.1'
        names |= layer_norm(f'{one}.norm', dim) | layer_norm(f'{two}.norm', dim)
        names |= linear(f'{one}.fn.to_qkv', 3 * 64 * heads, dim, bias=False)
        names |= linear(f'{one}.fn.to_out.0', dim, 64 * heads)
        names |= linear(f'{two}.fn.net.0', mlp, dim) | linear(f'{two}.fn.net.3', dim, mlp)
    return names


def group_encoder(in_channels, width):
    names = linear('encoder.first_conv.0', 128, in_channels, 1)
    names |= batch_norm('encoder.first_conv.1', 128) | linear('encoder.first_conv.3', 256, 128, 1)
    names |= linear('encoder.second_conv.0', 512, 512, 1) | batch_norm('encoder.second_conv.1', 512)
    return names | linear('encoder.second_conv.3', width, 512, 1)


def point_bert(dim, depth, in_channels, encoder_dim):
    """The transformer of Point-BERT and ULIP."""
    names = group_encoder(in_channels, encoder_dim) | linear('reduce_dim', dim, encoder_dim)
    names |= {'cls_token': (1, 1, dim), 'cls_pos': (1, 1, dim)}
    names |= linear('pos_embed.0', 128, 3) | linear('pos_embed.2', dim, 128)
    for i in range(depth):
        block = f'blocks.blocks.{i}'
        names |= layer_norm(f'{block}.norm1', dim) | layer_norm(f'{block}.norm2', dim)
        names |= linear(f'{block}.attn.qkv', 3 * dim, dim, bias=False)
        names |= linear(f'{block}.attn.proj', dim, dim)
        names |= linear(f'{block}.mlp.fc1', 4 * dim, dim)
        names |= linear(f'{block}.mlp.fc2', dim, 4 * dim)
    return names | layer_norm('norm', dim)


def under(prefix, state):
    return {prefix + name: tensor for name, tensor in state.items()}


OPTIMIZER = {'state': {0: {'exp_avg': torch.zeros(3)}}, 'param_groups': [{'lr': 1e-3}]}
SMALL_PPAT = dict(dim=128, depth=2, heads=2, mlp=96, sa_dim=32)
SMALL_BERT = dict(dim=64, depth=2, encoder_dim=48)


def openshape_bigg(sizes=SMALL_PPAT):
    network = under('module.ppat.', ppat(**sizes)) | linear('module.proj', 1280, sizes['dim'])
    scale = {'module.logit_scale': torch.tensor(2.6)}
    return {
        'state_dict': fill(network),
        'logit_scale': scale,
        'text_proj': fill(linear('module.proj', 4, 4)),
        'optimizer': OPTIMIZER,
        'epoch': 3,
    }


def openshape_l14(sizes=SMALL_PPAT):
    network = under('pc_encoder.ppat.', ppat(**sizes)) | linear(
        'pc_encoder.proj', 768, sizes['dim']
    )
    return fill(network | {'logit_scale': ()})


def openshape_b32(sizes=SMALL_PPAT):
    return fill(under('pc_encoder.', ppat(**sizes)) | {'logit_scale': ()})


def tamm(sizes=SMALL_PPAT):
    adapter = linear('module.classifier.0', 1024, sizes['dim'])
    adapter |= batch_norm('module.classifier.1', 1024) | linear('module.classifier.4', 1280, 1024)
    adapter |= batch_norm('module.classifier.5', 1280)
    return {
        'state_dict': fill(under('module.', ppat(**sizes))),
        'image_alignment_adapter': fill(adapter, 1),
        'text_alignment_adapter': fill(adapter, 2),
        'logit_scale': {'module.logit_scale': torch.tensor(2.6)},
    }


def ulip(in_channels=3, embed_dim=512, sizes=SMALL_BERT):
    network = under('module.point_encoder.', point_bert(in_channels=in_channels, **sizes))
    network |= {'module.pc_projection': (2 * sizes['dim'], embed_dim), 'module.logit_scale': ()}
    teacher = {'module.visual.blocks.0.norm1.weight': (8,), 'module.token_embedding.weight': (9, 8)}
    options = argparse.Namespace(lr=3e-3, output_dir='out', betas=(0.9, 0.98), evaluate_3d=False)
    return {
        'epoch': 250,
        'state_dict': fill(network | teacher),
        'optimizer': OPTIMIZER,
        'scaler': {},
        'best_acc1': 60.3,
        'args': options,
    }


def ulip2(sizes=SMALL_BERT):
    return ulip(6, 1280, sizes)


def point_bert_pretrained(sizes=SMALL_BERT):
    network = point_bert(in_channels=3, **sizes)
    student = network | {'mask_token': (1, 1, 8), 'lm_head.weight': (5, 8), 'cls_head.0.bias': (8,)}
    names = under('module.transformer_q.', student) | under('module.transformer_k.', network)
    names |= {'module.dvae.codebook': (5, 8), 'module.queue': (8, 5)}
    return {'base_model': fill(names), 'optimizer': OPTIMIZER, 'metrics': {}, 'best_metrics': {}}


def point_bert_finetuned(sizes=SMALL_BERT):
    head = linear('cls_head_finetune.0', 256, 2 * sizes['dim']) | linear(
        'cls_head_finetune.3', 40, 256
    )
    names = under('module.', point_bert(in_channels=3, **sizes) | head)
    return {'base_model': fill(names), 'metrics': {'acc': 93.2}}


def eva_block(name, width, mlp, kind):
    """A block of timm's EVA: packed (tiny, small), split (base, large) or plain MLP (giant)."""
    names = layer_norm(f'{name}.norm1', width) | layer_norm(f'{name}.norm2', width)
    names |= linear(f'{name}.attn.proj', width, width)
    if kind == 'split':
        names |= linear(f'{name}.attn.q_proj', width, width)
        names |= linear(f'{name}.attn.k_proj', width, width, bias=False)
        names |= linear(f'{name}.attn.v_proj', width, width)
        names |= linear(f'{name}.mlp.fc1_g', mlp, width) | linear(f'{name}.mlp.fc1_x', mlp, width)
        names |= layer_norm(f'{name}.mlp.norm', mlp)
    else:
        names |= linear(f'{name}.attn.qkv', 3 * width, width, bias=False)
        names |= {f'{name}.attn.q_bias': (width,), f'{name}.attn.v_bias': (width,)}
        names |= linear(f'{name}.mlp.fc1', mlp * (2 if kind == 'packed' else 1), width)
    return names | linear(f'{name}.mlp.fc2', width, mlp)


UNI3D = {  # width, depth, mlp, kind, side of the image of the 2D weights, in patches
    'tiny': (192, 12, 512, 'packed', 16),
    'small': (384, 12, 1024, 'packed', 16),
    'base': (768, 12, 2048, 'split', 32),
    'large': (1024, 24, 2730, 'split', 32),
    'giant': (1408, 40, 6144, 'plain', 40),
}


def uni3d(size, depth=None):
    """DeepSpeed's file: the weights below ``module``."""
    width, full_depth, mlp, kind, side = UNI3D[size]
    names = group_encoder(6, 512) | linear('encoder2trans', width, 512)
    names |= linear('trans2embed', 1024, width) | {'cls_token': (1, 1, width)}
    names |= {'cls_pos': (1, 1, width)} | linear('pos_embed.0', 128, 3)
    names |= linear('pos_embed.2', width, 128)
    for i in range(depth or full_depth):
        names |= eva_block(f'visual.blocks.{i}', width, mlp, kind)
    names |= layer_norm('visual.fc_norm', width)
    names |= {'visual.cls_token': (1, 1, width), 'visual.pos_embed': (1, side**2 + 1, width)}
    names |= linear('visual.patch_embed.proj', width, 3, 14, 14)
    if kind != 'packed':
        names |= linear('visual.head', 1000, width)
    names = under('point_encoder.', names) | {'logit_scale': ()}
    return {
        'module': fill(names),
        'ds_version': '0.10.3',
        'global_steps': 5,
        'optimizer': OPTIMIZER,
    }


def sparse_block(name, inside, outside):
    names = {f'{name}.conv1.kernel': (27, inside, outside)}
    names |= {f'{name}.conv2.kernel': (27, outside, outside)}
    names |= batch_norm(f'{name}.norm1.bn', outside) | batch_norm(f'{name}.norm2.bn', outside)
    if inside != outside:
        names |= {f'{name}.downsample.0.kernel': (inside, outside)}
        names |= batch_norm(f'{name}.downsample.1.bn', outside)
    return names


def openshape_sparseconv(layers=(1, 1, 1, 1)):
    planes = (32, 64, 128, 256)
    names = {'conv0p1s1.kernel': (125, 6, 32)} | batch_norm('bn0.bn', 32)
    width = 32
    for stage, (plane, blocks) in enumerate(zip(planes, layers), start=1):
        names |= {f'conv{stage}p{2 ** (stage - 1)}s2.kernel': (8, width, width)}
        names |= batch_norm(f'bn{stage}.bn', width)
        for j in range(blocks):
            names |= sparse_block(f'block{stage}.{j}', width, plane)
            width = plane
    for k, (inside, outside) in enumerate([(480, 512), (512, 1024)]):
        names |= {f'conv5.{k}.0.kernel': (27, inside, outside)}
        names |= batch_norm(f'conv5.{k}.1.bn', outside)
    for k, inside in ((0, 2048), (2, 1024)):
        names |= linear(f'final.{k}.0.linear', 1024, inside, bias=False)
        names |= batch_norm(f'final.{k}.1.bn', 1024)
    names |= linear('final.3.linear', 1280, 1024)
    return {'state_dict': fill(under('module.', names)), 'epoch': 3, 'optimizer': OPTIMIZER}
