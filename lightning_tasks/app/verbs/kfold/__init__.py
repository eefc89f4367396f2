from .folds import run

__all__ = ["run"]
