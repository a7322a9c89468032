"""The published networks written down plainly, over tensors under their published names."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from mrd_plugin.ops import furthest_point_sample, gather_points


def norm(w, name, x):
    return F.layer_norm(x, x.shape[-1:], w[f'{name}.weight'], w[f'{name}.bias'])


def batch_norm(w, name, x):
    """Over the last axis, in eval mode."""
    mean, variance = w[f'{name}.running_mean'], w[f'{name}.running_var']
    return (x - mean) / (variance + 1e-5).sqrt() * w[f'{name}.weight'] + w[f'{name}.bias']


def dense(w, name, x):
    weight = w[f'{name}.weight']
    x = x @ weight.reshape(len(weight), -1).T
    return x + w[f'{name}.bias'] if f'{name}.bias' in w else x


def attend(qkv, heads):
    """Attention of one sequence ``(L, 3 C)``: q, k, v one after the other, heads contiguous."""
    outs = []
    query, key, value = qkv.chunk(3, dim=-1)
    for q, k, v in zip(*(part.chunk(heads, dim=-1) for part in (query, key, value))):
        outs.append(torch.softmax(q @ k.T * q.shape[-1] ** -0.5, dim=-1) @ v)
    return torch.cat(outs, dim=-1)


def ppat(w, cloud, heads, patches, radius, neighbours):
    """OpenShape's point transformer on one cloud ``(N, 6)``: the class token."""
    xyz = cloud[:, :3]
    tokens = []
    for centre in gather_points(xyz[None], furthest_point_sample(xyz[None], patches))[0]:
        inside = ((xyz - centre).square().sum(-1) <= radius**2).nonzero()[:, 0][:neighbours]
        x = torch.cat([xyz[inside] - centre, cloud[inside]], dim=-1)
        for k in range(3):
            x = batch_norm(w, f'sa.mlp_bns.{k}', dense(w, f'sa.mlp_convs.{k}', x)).relu()
        tokens.append(torch.cat([centre, x.amax(0)]))
    x = norm(w, 'lift.2', dense(w, 'lift.0', torch.stack(tokens)))
    x = torch.cat([w['cls_token'][None], x])
    layer = 0
    while (name := f'transformer.layers.{layer}') + '.0.norm.weight' in w:
        y = dense(w, f'{name}.0.fn.to_qkv', norm(w, f'{name}.0.norm', x))
        x = x + dense(w, f'{name}.0.fn.to_out.0', attend(y, heads))
        y = F.gelu(dense(w, f'{name}.1.fn.net.0', norm(w, f'{name}.1.norm', x)))
        x = x + dense(w, f'{name}.1.fn.net.3', y)
        layer += 1
    return x[0]


def groups(w, cloud, number, size):
    """Centres and mini-PointNet features of kNN groups of one cloud."""
    xyz = cloud[:, :3]
    centres = gather_points(xyz[None], furthest_point_sample(xyz[None], number))[0]
    features = []
    for centre in centres:
        nearest = (xyz - centre).square().sum(-1).argsort()[:size]
        x = torch.cat([xyz[nearest] - centre, cloud[nearest, 3:]], dim=-1)
        x = batch_norm(w, 'encoder.first_conv.1', dense(w, 'encoder.first_conv.0', x)).relu()
        x = dense(w, 'encoder.first_conv.3', x)
        x = torch.cat([x.amax(0).expand_as(x), x], dim=-1)
        x = batch_norm(w, 'encoder.second_conv.1', dense(w, 'encoder.second_conv.0', x)).relu()
        features.append(dense(w, 'encoder.second_conv.3', x).amax(0))
    return centres, torch.stack(features)


def position(w, centres):
    return dense(w, 'pos_embed.2', F.gelu(dense(w, 'pos_embed.0', centres)))


def point_bert(w, cloud, heads, number, size):
    """Point-BERT on one cloud: class token and maximum over the patches."""
    centres, features = groups(w, cloud, number, size)
    x = torch.cat([w['cls_token'][0], dense(w, 'reduce_dim', features)])
    where = torch.cat([w['cls_pos'][0], position(w, centres)])
    layer = 0
    while (name := f'blocks.blocks.{layer}') + '.norm1.weight' in w:
        x = x + where
        y = dense(w, f'{name}.attn.qkv', norm(w, f'{name}.norm1', x))
        x = x + dense(w, f'{name}.attn.proj', attend(y, heads))
        y = F.gelu(dense(w, f'{name}.mlp.fc1', norm(w, f'{name}.norm2', x)))
        x = x + dense(w, f'{name}.mlp.fc2', y)
        layer += 1
    x = norm(w, 'norm', x)
    return torch.cat([x[0], x[1:].amax(0)])


def eva_attention(w, name, x, heads):
    if f'{name}.qkv.weight' in w:
        bias = torch.cat([w[f'{name}.q_bias'], torch.zeros(x.shape[-1]), w[f'{name}.v_bias']])
        qkv = dense(w, f'{name}.qkv', x) + bias
    else:
        qkv = torch.cat([dense(w, f'{name}.{part}_proj', x) for part in 'qkv'], dim=-1)
    return dense(w, f'{name}.proj', attend(qkv, heads))


def eva_norm(w, name, x):
    return F.layer_norm(x, x.shape[-1:], w[f'{name}.weight'], w[f'{name}.bias'], eps=1e-6)


def eva_mlp(w, name, x):
    if f'{name}.fc1_g.weight' in w:
        y = F.silu(dense(w, f'{name}.fc1_g', x)) * dense(w, f'{name}.fc1_x', x)
        return dense(w, f'{name}.fc2', eva_norm(w, f'{name}.norm', y))
    y = dense(w, f'{name}.fc1', x)
    if y.shape[-1] == 2 * w[f'{name}.fc2.weight'].shape[1]:
        gate, value = y.chunk(2, dim=-1)
        return dense(w, f'{name}.fc2', F.silu(gate) * value)
    return dense(w, f'{name}.fc2', F.gelu(y))


def uni3d(w, cloud, heads, number, size):
    """Uni3D on one cloud, before ``trans2embed``: the normalised class token."""
    centres, features = groups(w, cloud, number, size)
    x = torch.cat([w['cls_token'][0], dense(w, 'encoder2trans', features)])
    x = x + torch.cat([w['cls_pos'][0], position(w, centres)])
    layer = 0
    while (name := f'visual.blocks.{layer}') + '.norm1.weight' in w:
        x = x + eva_attention(w, f'{name}.attn', eva_norm(w, f'{name}.norm1', x), heads)
        x = x + eva_mlp(w, f'{name}.mlp', eva_norm(w, f'{name}.norm2', x))
        layer += 1
    return eva_norm(w, 'visual.fc_norm', x[0])


def average(sites, features):
    """Rows of the same voxel averaged, as MinkowskiEngine's ``sparse()`` does by default."""
    unique, index = torch.unique(sites, dim=0, return_inverse=True)
    mean = torch.stack([features[index == i].mean(0) for i in range(len(unique))])
    return unique, mean


def minkowski(sites, features, kernel, stride=1, unit=1):
    """MinkowskiEngine's convolution by its definition.

    Args:
        sites: ``(M, 3)``, multiples of ``unit``.
        features: ``(M, C_in)``.
        kernel: ``(K^3, C_in, C_out)``, first axis fastest; odd kernels are centred, even ones are
            not.
        stride: The sites that come out are multiples of ``stride * unit``.
        unit: The tensor stride of the input.
    """
    kernel = kernel[None] if kernel.dim() == 2 else kernel
    size = round(len(kernel) ** (1 / 3))
    first = -(size // 2) if size % 2 else 0
    steps = range(first, first + size)
    cells = [(x, y, z) for z in steps for y in steps for x in steps]
    where = {tuple(site): i for i, site in enumerate(sites.tolist())}
    out_sites = torch.unique(sites // (stride * unit) * (stride * unit), dim=0)
    out = torch.zeros(len(out_sites), kernel.shape[-1])
    for row, site in enumerate(out_sites.tolist()):
        for k, cell in enumerate(cells):
            source = where.get(tuple(a + b * unit for a, b in zip(site, cell)))
            if source is not None:
                out[row] += features[source] @ kernel[k]
    return out_sites, out


def sparse_resnet(w, cloud, voxel_size=0.02):
    """OpenShape's MinkResNet on one cloud ``(N, 6)``, up to the final projection."""

    def conv(name, state, stride=1, unit=1):
        return minkowski(*state, w[f'{name}.kernel'], stride, unit)

    def act(name, state, function=F.relu):
        return state[0], function(batch_norm(w, f'{name}.bn', state[1]))

    coordinates = (cloud[:, :3] / voxel_size).floor().long()
    state = act('bn0', conv('conv0p1s1', average(coordinates, cloud)))
    sliced = []
    for stage in range(1, 5):
        unit = 2 ** (stage - 1)
        state = act(f'bn{stage}', conv(f'conv{stage}p{unit}s2', state, 2, unit))
        unit, j = 2 * unit, 0
        while (name := f'block{stage}.{j}') + '.conv1.kernel' in w:
            shortcut = state[1]
            if f'{name}.downsample.0.kernel' in w:
                shortcut = conv(f'{name}.downsample.0', state, 1, unit)[1]
                shortcut = batch_norm(w, f'{name}.downsample.1.bn', shortcut)
            state = act(f'{name}.norm1', conv(f'{name}.conv1', state, 1, unit))
            state = act(
                f'{name}.norm2',
                conv(f'{name}.conv2', state, 1, unit),
                lambda y, shortcut=shortcut: F.relu(y + shortcut),
            )
            j += 1
        where = {tuple(site): i for i, site in enumerate(state[0].tolist())}
        rows = [where[tuple(site)] for site in (coordinates // unit * unit).tolist()]
        sliced.append(state[1][rows])
    state = average(coordinates, torch.cat(sliced, dim=-1))
    for k in range(2):
        state = conv(f'conv5.{k}.0', state, 2, 2**k)
        state = act(f'conv5.{k}.1', state, F.leaky_relu)
    x = torch.cat([state[1].amax(0), state[1].mean(0)])
    for k in (0, 2):
        x = F.leaky_relu(batch_norm(w, f'final.{k}.1.bn', dense(w, f'final.{k}.0.linear', x)))
    return x
