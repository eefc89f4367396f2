from .epoch_seed import EpochSeed
from .figures import Figures, save_figure
from .guard import NonFiniteGuard
from .metrics_csv import MetricsCSV, read_metrics

__all__ = ["EpochSeed", "Figures", "MetricsCSV", "NonFiniteGuard", "read_metrics", "save_figure"]
