"""Each task of the application; exported here so that a config names it by its bare class name."""

from .mars import MarsTask

__all__ = ["MarsTask"]
