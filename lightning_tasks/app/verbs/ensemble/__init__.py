from .ensemble import run

__all__ = ["run"]
