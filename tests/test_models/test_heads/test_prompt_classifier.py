import json

import torch
from mmengine.registry import MODELS

import mrd_plugin  # noqa: F401
from mrd_plugin.models.teachers.base import Teacher


class LetterTeacher(Teacher):
    """A text tower of 26 numbers: how often each letter occurs."""

    def __init__(self):
        super().__init__(dim=26)

    def _encode_texts(self, texts):
        return torch.tensor(
            [[float(t.lower().count(chr(97 + i))) for i in range(26)] for t in texts]
        )


def test_scores_are_cosines_to_prompt_means(tmp_path):
    names = ['abba', 'zoo']
    classes = tmp_path / 'classes.json'
    classes.write_text(json.dumps(names))
    head = MODELS.build(
        dict(type='PromptClassifier', classes=str(classes), templates=['{}', 'a {}'])
    )
    teacher = LetterTeacher()
    expected = []
    for name in names:
        prompts = teacher.encode_text([name, f'a {name}'])
        expected.append(torch.nn.functional.normalize(prompts.mean(0), dim=0))
    embedding = torch.rand(3, 26) * 5
    scores = head(embedding, teacher)
    cosine = torch.nn.functional.cosine_similarity
    reference = torch.stack([cosine(embedding, proto[None]) for proto in expected], dim=1)
    torch.testing.assert_close(scores, reference)
    assert head.prototypes(teacher) is head.prototypes(teacher)
