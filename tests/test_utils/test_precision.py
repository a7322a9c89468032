import pytest
import torch

from mrd_plugin.utils.precision import in_full_precision


@in_full_precision
def total(values, *, weights):
    return (values @ weights).sum()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_enters_as_float32(dtype):
    values = torch.full((2, 70_000), 1.0, dtype=dtype, requires_grad=True)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = total(values, weights=torch.ones(70_000, 1, dtype=dtype))
        assert (values @ values.T).dtype == torch.bfloat16  # autocast is on again
    assert out.dtype == torch.float32 and out == 140_000
    out.backward()
    assert values.grad.dtype == dtype and (values.grad == 1).all()


def test_other_dtypes_pass_as_they_are():
    values = torch.ones(2, 3, dtype=torch.float64)
    assert total(values, weights=values.T).dtype == torch.float64
    assert total.__name__ == 'total'
