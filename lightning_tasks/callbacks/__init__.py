from .epoch_seed import EpochSeed
from .figures import Figures
from .guard import NonFiniteGuard
from .metrics_csv import MetricsCSV, read_metrics
from .stopwatch import Stopwatch
from .unfreeze import Unfreeze

__all__ = ["EpochSeed", "Figures", "MetricsCSV", "NonFiniteGuard", "Stopwatch", "Unfreeze", "read_metrics"]
