from .epoch_seed import EpochSeed
from .figures import Figures
from .guard import NonFiniteGuard
from .metrics_csv import MetricsCSV, read_metrics
from .stopwatch import Stopwatch

__all__ = ["EpochSeed", "Figures", "MetricsCSV", "NonFiniteGuard", "Stopwatch", "read_metrics"]
