"""Two real gloo processes for tests of what crosses ranks."""

import os
import socket

import torch.distributed as dist
import torch.multiprocessing as mp


def _entry(rank, world_size, port, function, queue, args):
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    try:
        queue.put((rank, function(rank, *args)))
        dist.barrier()
    finally:
        dist.destroy_process_group()


def run_on_ranks(function, *args, world_size=2):
    """Run ``function(rank, *args)`` in gloo processes; returns the results in rank order.

    ``function`` must be importable and return plain numpy arrays or numbers.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    queue = mp.get_context('spawn').SimpleQueue()
    context = mp.spawn(
        _entry, (world_size, port, function, queue, args), nprocs=world_size, join=False
    )
    results = dict(queue.get() for _ in range(world_size))
    while not context.join():
        pass
    return [results[rank] for rank in range(world_size)]
