"""How much an interval needs. Free of torch, for reports."""

FEW_UNITS = 50  # independent ones: below, plain percentiles of the bootstrap miss some percent of coverage
FEW_POSITIVES = 80  # below, ranking scores of a rare class have intervals that are too narrow
