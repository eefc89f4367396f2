"""What all figures share."""

# Colour-blind safe (Okabe & Ito 2008), black first for background.
COLORS = ["#000000", "#E69F00", "#56B4E9", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#0072B2", "#999999", "#FFFFFF"]

# Of groups in a scatter; none is gray, which stands for no group.
PALETTE = [*COLORS[1:8], COLORS[0], "#882255", "#44AA99", "#999933", "#332288"]

DPI = 110  # dots an inch of all figures, in files and in TensorBoard
