from .explain import run

__all__ = ["run"]
