from .inspect import run

__all__ = ["run"]
