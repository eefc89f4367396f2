from .report import run

__all__ = ["run"]
