from mrd_plugin.utils.errors import BadSampleError, ConfigError

__all__ = ['BadSampleError', 'ConfigError']
