"""What all figures share."""

# Colour-blind safe (Okabe & Ito 2008), black first for background.
COLORS = ["#000000", "#E69F00", "#56B4E9", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#0072B2", "#999999", "#FFFFFF"]

DPI = 110  # dots an inch of all figures, in files and in TensorBoard
