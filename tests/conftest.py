"""What holds for the whole suite."""

import gc


def pytest_collection_finish():
    """Take what the imports left out of garbage collection.

    MMEngine collects garbage for every data set that it builds: among the million objects of the
    imports that is half a second each time, more than most of a short training.
    """
    gc.collect()
    gc.freeze()
