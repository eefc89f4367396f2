from .early_stopping import Patience
from .epoch_seed import EpochSeed
from .figures import Figures
from .guard import NonFiniteGuard
from .metrics_csv import MetricsCSV
from .resume import ResumeRates
from .scalar_charts import ScalarCharts
from .stopwatch import Stopwatch
from .unfreeze import Unfreeze

__all__ = [
    "EpochSeed",
    "Figures",
    "MetricsCSV",
    "NonFiniteGuard",
    "Patience",
    "ResumeRates",
    "ScalarCharts",
    "Stopwatch",
    "Unfreeze",
]
