"""The errors that a person can mend: a bad sample, config or checkpoint, a training that failed."""


class BadSampleError(ValueError):
    """A sample that can't be used; the message names its file and what is wrong with it."""


class ConfigError(ValueError):
    """A config that can't work; the message names the key, what was got and what to do."""


class CheckpointError(ValueError):
    """A checkpoint that can't be used; the message names the file and what is wrong with it."""


class TrainingError(RuntimeError):
    """A training that another program started and that failed; the message names its log."""
