"""Patch tokens: against open_clip's own outputs, closed forms, and the towers' own poolings."""

from __future__ import annotations

import json

import open_clip
import pytest
import torch
import torch.nn.functional as F
from open_clip.factory import get_model_config
from open_clip.model import _build_vision_tower
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from safetensors.torch import save_file

from mrd_plugin.data_preparation.teacher_cache import CacheRequest, write_cache
from mrd_plugin.models.teachers import CachedTeacher, OpenCLIPTeacher, SampleFeatureTeacher
from mrd_plugin.models.teachers.vision_language.image_loading import load_rgb
from mrd_plugin.models.teachers.vision_language.open_clip_patches import encode_tokens
from mrd_plugin.utils.errors import ConfigError

from .stubs import HashTeacher, PatchHashTeacher, make_sample


@pytest.fixture
def paths(data_root):
    return [str(path) for path in sorted((data_root / 'images').glob('*.png'))]


@pytest.fixture
def pixels():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def vit(**kwargs):
    torch.manual_seed(0)
    tower = VisionTransformer(64, 16, 48, 2, 3, 2, output_dim=20, **kwargs).eval()
    torch.nn.init.normal_(tower.ln_post.weight)  # a norm that does something
    return tower


# --- open_clip's transformers ---


@torch.no_grad()
def test_vit_tokens_are_its_output_tokens_projected(pixels):
    tower = vit()
    tokens = encode_tokens(tower, pixels)
    tower.output_tokens = True
    pooled, patches = tower(pixels)  # open_clip's own tokens: after the last norm, not projected
    torch.testing.assert_close(tokens[:, 0], pooled)
    torch.testing.assert_close(tokens[:, 1:], patches @ tower.proj)
    assert tokens.shape == (2, 1 + 16, 20)


@torch.no_grad()
def test_vit_that_norms_after_pooling_norms_its_tokens_too(pixels):
    tower = vit(final_ln_after_pool=True)
    tokens = encode_tokens(tower, pixels)
    tower.output_tokens = True
    pooled, patches = tower(pixels)
    torch.testing.assert_close(tokens[:, 0], pooled)
    torch.testing.assert_close(tokens[:, 1:], tower.ln_post(patches) @ tower.proj)


@torch.no_grad()
def test_tokens_of_an_averaging_vit_average_to_its_embedding(pixels):
    tokens = encode_tokens(vit(pool_type='avg'), pixels)
    torch.testing.assert_close(tokens[:, 1:].mean(1), tokens[:, 0])


def test_coca_is_refused():
    with torch.device('meta'):
        tower = _build_vision_tower(512, get_model_config('coca_ViT-B-32')['vision_cfg'])
    with pytest.raises(ConfigError, match="CoCa.*model.target='image'"):
        encode_tokens(tower, torch.zeros(1, 3, 224, 224, device='meta'))


# --- ResNets with attention pooling ---


@torch.no_grad()
def test_resnet_tokens_are_what_its_pooling_averages(pixels):
    torch.manual_seed(0)
    tower = ModifiedResNet([1, 1, 1, 1], output_dim=20, heads=4, image_size=64, width=8).eval()
    pool = tower.attnpool
    for layer in (pool.q_proj, pool.k_proj):  # equal attention to all places and the mean token
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    tokens = encode_tokens(tower, pixels)
    assert tokens.shape == (2, 1 + 4, 20)
    torch.testing.assert_close(tokens[:, 0], tower(pixels))
    last = tower.layer4(tower.layer3(tower.layer2(tower.layer1(tower.stem(pixels)))))
    mean = last.mean((2, 3)) + pool.positional_embedding[0]
    mean = pool.c_proj(pool.v_proj(mean))
    torch.testing.assert_close((tokens[:, 1:].sum(1) + mean) / 5, tokens[:, 0])


# --- timm towers ---


def timm_tower(name, pool, proj, size=64):
    torch.manual_seed(0)
    tower = TimmModel(name, 20, image_size=size, pool=pool, proj=proj).eval()
    if size != 224 and hasattr(tower.trunk, 'set_input_size'):
        tower.trunk.set_input_size(img_size=size)
    return tower


@torch.no_grad()
def test_timm_class_token_tower_against_forward_intermediates(pixels):
    tower = timm_tower('vit_tiny_patch16_224', 'token', 'linear')
    tokens = encode_tokens(tower, pixels)
    out = tower.forward_intermediates(
        pixels, indices=1, normalize_intermediates=True, output_fmt='NLC'
    )
    torch.testing.assert_close(tokens[:, 0], out['image_features'])
    torch.testing.assert_close(tokens[:, 1:], tower.head(out['image_intermediates'][-1]))


@torch.no_grad()
def test_timm_attention_pooling_gives_the_values_that_it_averages(pixels):
    tower = timm_tower('vit_tiny_patch16_224', 'map', 'none')
    pool = tower.trunk.attn_pool
    for layer in (pool.q, pool.mlp.fc2):  # equal attention, no MLP behind it
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    tokens = encode_tokens(tower, pixels)
    torch.testing.assert_close(tokens[:, 0], tower(pixels))
    values = pool.kv(tower.trunk.forward_features(pixels)).chunk(2, dim=-1)[1]
    values, norm = pool.proj(values), tower.trunk.fc_norm
    torch.testing.assert_close(tokens[:, 1:], norm(values[:, 1:]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(tokens[:, 0], norm(values[:, 1:].mean(1)), atol=1e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize('proj', ['linear', 'mlp'])
def test_image_of_one_place_is_its_own_token(proj):
    tower = timm_tower('convnext_atto', 'avg', proj)
    tokens = encode_tokens(tower, torch.randn(2, 3, 32, 32))
    assert tokens.shape == (2, 2, 20)
    torch.testing.assert_close(tokens[:, 1], tokens[:, 0])
    assert encode_tokens(tower, torch.randn(2, 3, 64, 96)).shape == (2, 1 + 2 * 3, 20)


@torch.no_grad()
@pytest.mark.parametrize(
    ('name', 'places'),
    [
        ('RN50', 49),
        ('EVA02-B-16', 196),
        ('ViT-B-16-SigLIP', 196),
        ('convnext_tiny', 49),
        ('swin_base_patch4_window7_224', 49),
        ('ViTamin-S', 196),
        ('ViT-H-14-CLIPA', 256),
    ],
)
def test_published_architectures(name, places):
    config = get_model_config(name)
    vision = config['vision_cfg']
    with torch.device('meta'):
        tower = _build_vision_tower(config['embed_dim'], {**vision, 'timm_model_pretrained': False})
    size = vision.get('image_size', 224)
    tokens = encode_tokens(tower.eval(), torch.zeros(2, 3, size, size, device='meta'))
    assert tokens.shape == (2, 1 + places, config['embed_dim'])


def test_open_clip_teacher_from_a_local_file(paths, tmp_path):
    torch.manual_seed(0)
    network = open_clip.create_model('ViT-S-32-alt').eval()
    file = tmp_path / 'clip.safetensors'
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, file)
    teacher = OpenCLIPTeacher('ViT-S-32-alt', file, batch_size=2)
    tokens = teacher.encode_tokens(paths)
    assert tokens.shape == (3, 50, 256)
    torch.testing.assert_close(tokens.norm(dim=-1), torch.ones(3, 50))
    torch.testing.assert_close(tokens[:, 0], teacher.encode_image(paths))
    network.visual.output_tokens = True
    with torch.no_grad():
        _, patches = network.visual(teacher._pixels(paths))
        expected = F.normalize(patches @ network.visual.proj, dim=-1)
    torch.testing.assert_close(teacher.encode_patches(paths), expected)


# --- ConSE ---


def test_mean_logits_of_places_are_the_classifiers(conse, paths):
    from mrd_plugin.models.teachers.vision_language.conse import _preprocess

    pixels = torch.stack([_preprocess(load_rgb(path)) for path in paths])
    with torch.no_grad():
        expected = conse.network('image')(pixels)
        places = conse.place_logits(paths)
    assert places.shape == (3, 49, 1000)
    torch.testing.assert_close(places.mean(1), expected, atol=1e-5, rtol=1e-5)


def test_conse_token_by_hand(conse, paths):
    with torch.no_grad():
        logits = conse.place_logits(paths)[1, 24]
    order = logits.softmax(0).argsort(descending=True)[:10]
    expected = sum(logits.softmax(0)[i] * conse.class_vectors()[i] for i in order)
    tokens = conse.encode_tokens(paths)
    torch.testing.assert_close(tokens[1, 1 + 24], F.normalize(expected, dim=0), atol=1e-5, rtol=0)
    torch.testing.assert_close(tokens[:, 0], conse.encode_image(paths), atol=1e-5, rtol=0)
    assert conse.encode_patches([]).shape == (0, 0, 384)


# --- what all teachers share ---


def test_forward_patches_fills_rows_and_masks():
    teacher = PatchHashTeacher()
    samples = [make_sample(image_path='/x/a.png', text='no'), make_sample(), make_sample()]
    samples[2].set_metainfo(dict(image_path='/x/a.png'))
    image, patches, has_image = teacher.forward_patches(samples)
    assert has_image.tolist() == [True, False, True] and patches.shape == (3, 3, 8)
    torch.testing.assert_close(image[0], teacher.encode_image(['/x/a.png'])[0])
    assert torch.equal(patches[0], patches[2]) and not patches[1].any() and not image[1].any()
    assert 'no' not in teacher.encoded
    nothing = teacher.forward_patches([make_sample()])
    assert nothing.patches.shape == (1, 0, 8) and not nothing.has_image.any()


def test_teachers_without_tokens_say_so():
    with pytest.raises(ConfigError, match='SampleFeatureTeacher gives no patch tokens; use'):
        SampleFeatureTeacher(8).encode_patches(['a.png'])


# --- caches ---


def test_cached_tokens_equal_the_online_ones(data_root, paths, tmp_path):
    teacher = PatchHashTeacher()
    request = CacheRequest.from_folder(data_root)
    write_cache(teacher, request, data_root, tmp_path / 'cache', patches=True)
    cached = CachedTeacher(tmp_path / 'cache', expect=dict(n_patches=3))
    expected = PatchHashTeacher().encode_tokens(paths)
    torch.testing.assert_close(cached.encode_tokens(paths), expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(cached.encode_image(paths), expected[:, 0], atol=1e-3, rtol=0)
    (tmp_path / 'cache/patches.npy').unlink()
    with pytest.raises(ConfigError, match='patches.npy is missing'):
        CachedTeacher(tmp_path / 'cache')


def test_tokens_are_added_to_a_finished_cache(data_root, tmp_path):
    out, request = tmp_path / 'cache', CacheRequest.from_folder(data_root)
    write_cache(HashTeacher(), request, data_root, out)
    with pytest.raises(ConfigError, match='no patch tokens; run .* with --patches'):
        CachedTeacher(out).encode_patches([str(data_root / 'images/ball.png')])
    teacher = PatchHashTeacher()
    assert write_cache(teacher, request, data_root, out, patches=True)
    assert not set(teacher.encoded) & set(request.texts)  # texts were kept
    torch.testing.assert_close(
        CachedTeacher(out).encode_text(request.texts),
        HashTeacher().encode_text(request.texts),
        atol=1e-3,
        rtol=0,
    )
    for patches in (True, False):  # and stay when they are not asked for
        again = PatchHashTeacher()
        assert not write_cache(again, request, data_root, out, patches=patches)
        assert again.encoded == []
    assert json.loads((out / 'manifest.json').read_text())['n_patches'] == 3


def test_interrupted_run_with_tokens_goes_on(data_root, tmp_path):
    class Interrupted(PatchHashTeacher):
        def _encode_texts(self, texts):
            raise KeyboardInterrupt

    request = CacheRequest.from_folder(data_root)
    with pytest.raises(KeyboardInterrupt):
        write_cache(Interrupted(), request, data_root, tmp_path / 'cache', patches=True)
    second = PatchHashTeacher()
    write_cache(second, request, data_root, tmp_path / 'cache', patches=True)
    assert len([item for item in second.encoded if '@' in item]) == 3  # the count of tokens alone


# --- parts of images ---


def test_media_fragments_name_parts_of_images(data_root, conse, cache):
    path = str(data_root / 'images/ball.png')
    part = load_rgb(f'{path}#xywh=14,20,60,70')
    assert part.size == (60, 70)
    assert part.tobytes() == load_rgb(path).crop((14, 20, 74, 90)).tobytes()
    whole, cut = conse.encode_image([path, f'{path}#xywh=0,0,40,40'])
    assert whole @ cut < 0.95
    with pytest.raises(ConfigError, match='has whole images, .* leave FrustumCrop out'):
        CachedTeacher(cache).encode_image([f'{path}#xywh=0,0,40,40'])
