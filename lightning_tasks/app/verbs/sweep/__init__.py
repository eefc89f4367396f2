from .sweep import run

__all__ = ["run"]
