import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """spconv 2.3.8 on a CPU: with more than one thread a few output rows are wrong now and then."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
