from .policy import Augment

__all__ = ["Augment"]
