from .export import run

__all__ = ["run"]
