"""A BERT sentence encoder in plain torch, for the weights of all-MiniLM-L6-v2.

Six transformer layers are a page of code, while ``sentence-transformers`` and ``transformers``
would be by far the largest dependencies of the shape layer. Weights are read with safetensors and
words split with tokenizers, both already there for open_clip. The network is the encoder of BERT
(Devlin et al., arXiv 1810.04805) followed by the mean over tokens (Reimers and Gurevych, arXiv
1908.10084).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from mrd_plugin.utils.files import read_json

# Parts of a published name and our names for them.
_RENAMES = (
    ('encoder.layer.', 'layers.'),
    ('attention.self.', ''),
    ('attention.output.dense', 'attention_out'),
    ('attention.output.LayerNorm', 'attention_norm'),
    ('intermediate.dense', 'widen'),
    ('output.dense', 'narrow'),
    ('output.LayerNorm', 'mlp_norm'),
    ('embeddings.LayerNorm', 'norm'),
    ('embeddings.word_embeddings', 'words'),
    ('embeddings.position_embeddings', 'positions'),
    ('embeddings.token_type_embeddings', 'segments'),
)


class BertLayer(nn.Module):
    """Self-attention and MLP, each with a residual connection and a norm after it."""

    def __init__(self, width: int, hidden: int, heads: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.attention_out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.mlp_norm = nn.LayerNorm(width, eps)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """Run the layer on ``x (n, L, W)``; ``visible (n, 1, 1, L)`` is False on padding."""
        q, k, v = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        x = self.attention_norm(x + self.attention_out(mixed.transpose(1, 2).flatten(2)))
        return self.mlp_norm(x + self.narrow(F.gelu(self.widen(x))))


class MiniLM(nn.Module):
    """Sentences to the mean of their token vectors.

    Args:
        folder: Folder with ``config.json``, ``model.safetensors``, ``tokenizer.json`` and
            ``sentence_bert_config.json``.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        folder = Path(folder)
        config = read_json(folder / 'config.json')
        width, eps = config['hidden_size'], config['layer_norm_eps']
        self.dim: int = width
        self.max_tokens: int = read_json(folder / 'sentence_bert_config.json')['max_seq_length']
        self.words = nn.Embedding(config['vocab_size'], width)
        self.positions = nn.Embedding(config['max_position_embeddings'], width)
        self.segments = nn.Embedding(config['type_vocab_size'], width)
        self.norm = nn.LayerNorm(width, eps)
        self.layers = nn.ModuleList(
            BertLayer(width, config['intermediate_size'], config['num_attention_heads'], eps)
            for _ in range(config['num_hidden_layers'])
        )
        self.load_state_dict(_read_weights(folder / 'model.safetensors'))
        self.tokenizer = Tokenizer.from_file(str(folder / 'tokenizer.json'))
        self.tokenizer.enable_truncation(self.max_tokens)
        self.tokenizer.no_padding()

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Encode ``n`` sentences into ``(n, dim)``, not normalised."""
        ids = [torch.tensor(self.tokenizer.encode(text).ids) for text in texts]
        tokens = nn.utils.rnn.pad_sequence(ids, batch_first=True).to(self.words.weight.device)
        lengths = torch.tensor([len(row) for row in ids], device=tokens.device)
        places = torch.arange(tokens.shape[1], device=tokens.device)
        visible = places < lengths[:, None]  # (n, L)
        x = self.words(tokens) + self.positions(places) + self.segments.weight[0]
        x = self.norm(x)
        for layer in self.layers:
            x = layer(x, visible[:, None, None])
        return (x * visible[..., None]).sum(dim=1) / lengths[:, None]


def _read_weights(path: Path) -> dict[str, Tensor]:
    """Return published weights under our names, without the pooler and the position counter."""
    weights = {}
    for name, tensor in load_file(str(path)).items():
        if name.startswith('pooler.') or name == 'embeddings.position_ids':
            continue
        for old, new in _RENAMES:
            name = name.replace(old, new)
        weights[name] = tensor
    return weights
