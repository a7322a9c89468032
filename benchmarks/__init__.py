"""The benchmarks of ``tools/benchmark.py``, one file each."""

from benchmarks import (
    ball_query,
    cmcr_step,
    code_matching,
    fps,
    mrd_loss,
    student_step,
    superpixel_pool,
    votenet_forward,
)
from benchmarks.harness import Benchmark

BENCHMARKS: dict[str, Benchmark] = {
    'ball_query': ball_query.BENCHMARK,
    'cmcr_step': cmcr_step.BENCHMARK,
    'code_matching': code_matching.BENCHMARK,
    'fps': fps.BENCHMARK,
    'furniture_step': student_step.FURNITURE_BENCHMARK,
    'mrd_loss': mrd_loss.BENCHMARK,
    'student_step': student_step.BENCHMARK,
    'superpixel_pool': superpixel_pool.BENCHMARK,
    'votenet_forward': votenet_forward.BENCHMARK,
}

__all__ = ['BENCHMARKS']
