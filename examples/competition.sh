#!/usr/bin/env bash
# A competitor's whole path: look at the data, leave out what is wrong, five folds, calibrated, explained, submitted.
#     examples/competition.sh configs/mars_unet.yaml --data.root FOLDER
#     examples/competition.sh configs/variants/isic_efficientnet_lite.yaml --data.root FOLDER
#     examples/competition.sh configs/blood_cells.yaml --data.root FOLDER --data.test_fraction 0.2
# What follows the configuration goes to inspect and to the folds. Called again, it goes on where it was. The seconds of
# each step are in runs/EXPERIMENT/steps.tsv. To try it without data: --data.source simulated.
set -euo pipefail
config=$1
shift
experiment=$(basename "$config" .yaml)
folder=runs/$experiment
folds=$folder/kfold

step() {
  local begin=$SECONDS
  echo "== $*"
  "$@"
  printf '%s\t%s\n' "$((SECONDS - begin))" "$*" >>"$folder/steps.tsv"
}

step python cli.py inspect --config "$config" --overwrite "$@"
step python cli.py kfold --config "$config" --folds 5 --data.exclude "$folder/inspect/exclude.csv" "$@"
case $experiment in
  mars*) ;; # a class for every pixel: nothing to calibrate, and overlays of masks instead of maps
  *)
    for fold in "$folds"/fold_?; do step python cli.py calibrate --run "$fold" --model.tta flips; done
    step python cli.py explain --run "$folds/fold_0" --model.tta flips
    ;;
esac
case " $* " in
  *" --data.source simulated "*) step python cli.py submit --run "$folds" --tta --allow-simulated ;;
  *) step python cli.py submit --run "$folds" --tta ;;
esac
