"""Fresh processes for tests: two gloo ranks for what crosses ranks, one for what may die."""

import multiprocessing
import os
import socket

import torch.distributed as dist
import torch.multiprocessing as mp

# Each process is forked from a server that has done the slow imports once and started no thread.
PROCESSES = multiprocessing.get_context('forkserver')
PROCESSES.set_forkserver_preload(['mrd_plugin.models', 'mmdet3d.apis'])


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
    queue = PROCESSES.SimpleQueue()
    context = mp.start_processes(
        _entry,
        (world_size, free_port(), function, queue, args),
        nprocs=world_size,
        join=False,
        start_method='forkserver',
    )
    results = {}
    done = False
    while not done:
        done = context.join(timeout=0.05)  # raises what a rank raised
        while not queue.empty():  # a result that nobody reads would keep its rank from ending
            rank, result = queue.get()
            results[rank] = result
    return [results[rank] for rank in range(world_size)]


def free_port():
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]
