from .epoch_seed import EpochSeed
from .figures import Figures
from .guard import NonFiniteGuard
from .metrics_csv import MetricsCSV
from .stopwatch import Stopwatch

__all__ = ["EpochSeed", "Figures", "MetricsCSV", "NonFiniteGuard", "Stopwatch"]
