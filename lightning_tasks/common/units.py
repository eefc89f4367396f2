"""How much an interval needs. Free of torch, for reports."""

FEW_UNITS = 50  # independent ones: below, plain percentiles of the bootstrap miss some percent of coverage
FEW_POSITIVES = 80  # of the rarer class: below, percentiles of a partial AUC miss many percent of coverage
