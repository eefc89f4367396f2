from .tune import run

__all__ = ["run"]
