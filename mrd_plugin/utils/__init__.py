from mrd_plugin.utils.errors import BadSampleError, CheckpointError, ConfigError

__all__ = ['BadSampleError', 'CheckpointError', 'ConfigError']
