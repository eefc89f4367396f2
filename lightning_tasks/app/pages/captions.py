"""Titles and descriptions of figures and texts, in words, by the names of their files."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """What stands below a figure.

    Args:
        title: A few words.
        shows: What one sees, in a sentence without its stop.
    """

    title: str
    shows: str


Captions = Mapping[str, Caption]

PARTS = {
    "train": "train part",
    "val": "validation part",
    "test": "test part",
    "oof": "out of fold",
    "explain": "",
    "calibration": "",
}  # what names of files begin with; those without words have a section of their own

SURE = "What speaks for its answer where the network is surest and"
RUN: Captions = {
    # classes
    "confusion": Caption("Confusion matrix", "How often each true class was predicted as each class"),
    "samples": Caption("Samples", "Some samples; where classes are predicted, the true and the predicted one"),
    "corrupted": Caption("Corrupted samples", "The same samples corrupted, with the true and the predicted class"),
    "suite": Caption("Corruptions", "Accuracy by kind and strength of corruption, beside that of clean pictures"),
    "soft_labels": Caption("Soft labels", "What the teacher says of the pictures on which it doubts most"),
    "accuracy_over_flips": Caption("Accuracy over flipped cells", "Accuracy over the number of cells that differ"),
    "error_over_k": Caption("Error over k", "Errors, squared bias and variance over the number of neighbours"),
    "decision_maps": Caption("Decision maps", "The class that is predicted at each point of the plane"),
    "swapped": Caption("Swapped cues", "Pictures whose shape and texture are of two classes, with the prediction"),
    "tiles_2x2": Caption("Pictures in 2 x 2 tiles", "Tiles in another order, with the prediction"),
    "tiles_4x4": Caption("Pictures in 4 x 4 tiles", "Tiles in another order, with the prediction"),
    "roc": Caption("Receiver operating characteristic", "Share of true positives over that of false positives"),
    "precision_recall": Caption("Precision over recall", "Precision over recall as the threshold falls"),
    "scores": Caption("Scores of both classes", "How the probability of the positive class is spread in each class"),
    "groups": Caption("Groups", "The headline of each group (site, patient) that the part holds, the lowest first"),
    "strata": Caption("Strata", "AUROC of each part of the samples, with its interval; none at 0 and 1"),
    "reliability": Caption("Reliability diagram", "Accuracy over confidence, with the number of samples"),
    "risk": Caption("Error over coverage", "Error over the share of samples that are kept, the surest first"),
    "scaling": Caption("Scale of the logits", "Calibration error and likelihood over the scale of the logits"),
    "right": Caption("Surest right predictions", f"{SURE} right"),
    "wrong": Caption("Surest wrong predictions", f"{SURE} wrong"),
    "chosen": Caption("Chosen samples", "What speaks for the answer in samples that were asked for"),
    **{
        f"{truth}_{side}s": Caption(f"Surest {truth} {side}s", f"What speaks for its answer in {truth} {side}s")
        for truth in ("true", "false")
        for side in ("positive", "negative")
    },
    # masks and numbers
    "segmentation": Caption("Masks", "Pictures, true masks, predicted masks, and in red where these differ"),
    "predictions": Caption("Predictions", "Prediction over target, a dot a sample"),
    "lines": Caption("Decision lines", "The points of both classes, and where each model changes its mind"),
    "curve": Caption("Curve of the model", "Probability over the weighted sum, beside observed shares"),
    "outputs": Caption("Output units", "Both output functions with their slopes, and where the samples lie"),
    "days": Caption("Two weeks of forecasts", "Forecasts with their intervals beside what was measured"),
    "hours": Caption("Error by the hour", "Error of the forecasts over the hour of the day"),
    "levels": Caption("Coverage", "Share of values below each forecast quantile, over its nominal level"),
    # text
    "attention": Caption("Attention", "Words or symbols are the darker the more attention they get; of a map, by row"),
    "by_length": Caption("Accuracy by length", "Share of exact answers over the number of digits"),
    "map": Caption("Map of words", "Frequent words, alike where close (t-SNE); a colour a class that is known"),
    "surprise": Caption("Surprise", "How surprising each token was to the network, in bits"),
    # generated
    "nearest": Caption("Nearest training pictures", "Samples, and below each the training picture nearest to it"),
    "points": Caption("Samples and data", "Sampled points beside those of the data"),
    "class_shares": Caption("Class shares", "How often each class is sampled, and how often it is in the data"),
    "reconstructions": Caption("Reconstructions", "Pictures, and below each what the network makes of it"),
    "interpolation": Caption("Interpolation", "Pictures on the way from one code to another"),
    "codes": Caption("Map of codes", "Where samples lie in the space of codes"),
    "forward": Caption("From pictures to noise", "The same pictures with more and more noise"),
    "denoising": Caption("From noise to pictures", "States on the way from noise to samples"),
    "loss_over_steps": Caption("Loss over the steps", "Loss at each step of the diffusion"),
}
TEXTS = {
    "answers": "Some answers",
    "attention": "Sentences with the attention of each word",
    "code": "Mean and variance of the code",
    "components": "Components of the mixture",
    "generalisation": "Under- or overfitted",
    "memorised": "Memorised pictures",
    "nearest_words": "Nearest words",
    "samples": "Sampled texts",
    "weights": "Weights of both models",
    "words": "Words that speak most for each class",
}
INSPECTED: Captions = {
    "classes": Caption("Classes", "Samples of each class in each part (for masks: samples that hold the class)"),
    "suspects": Caption(
        "Suspects", "A few of each kind of finding. Near duplicates and outliers are for a person to judge"
    ),
    "map": Caption(
        "Map of the samples",
        "t-SNE of distinct samples. Ringed: outliers by DBSCAN on the map, or far from all others in the features. "
        "Crossed: in exclude.csv",
    ),
}
COMPARED: Captions = {
    "scores": Caption(
        "Headline of each run",
        "Left its value with the interval, right its difference from the first run with the paired interval",
    ),
    "ranking": Caption(
        "Ranking of the two classes", "Left the ROC, right precision over recall, a colour a run, with their areas"
    ),
    "sweep": Caption("Combinations", "Mean and sd of each combination, with the single runs"),
    "history": Caption("Trials", "Value of each trial in its order, and the best so far, one line a search"),
    "effects": Caption("Effects of the settings", "The metric over each setting, a dot a complete trial"),
    "policy": Caption(
        "Policy of the controller", "Probability that it gives each choice, over the trials it has learnt from"
    ),
    "importance": Caption("Importance", "Share of the variance that each setting explains"),
}
EXERCISES: Captions = {
    "accuracy": Caption("Accuracy", "Accuracy of each network on each kind of data, a dot a seed"),
    "activations": Caption("Activations", "Values on the left, derivatives on the right"),
    "clusters": Caption("Clusters", "The coefficient over the number of clusters, and the points of the best number"),
    "fits": Caption("Fits", "Points with both decision lines, and both curves over the scaled score"),
    "kernel_width": Caption("Width of the kernel", "Parameters over the width of the kernel, flat and deep"),
    "learning_rates": Caption("Learning rates", "Cost over the steps at each learning rate"),
    "losses_and_quality": Caption("Losses and quality", "Losses, and below what independent measures say"),
    "matrices": Caption("Matrices", "Each matrix with its numbers, blue below 0 and red above"),
    "norms": Caption("Norms of gradients", "Norm of the gradients over the steps that they go back"),
    "optimisers": Caption("Optimisers", "Size of y over the steps at a saddle, and losses of a regression"),
    "parameters": Caption("Parameters", "Parameters of each layer, on a logarithmic scale"),
    "policy": Caption("Policy of the controller", "Probability of each choice over the trials, a panel a setting"),
    "probes": Caption("Linear probes", "Test accuracy of a linear model on the output of each layer, a line a seed"),
    "range_test": Caption("Range test", "Cost over a growing learning rate; lines mark the rates of the table"),
    "reached": Caption("What a pixel reaches", "In how many ways one pixel of the input reaches each place of the map"),
    "rewards": Caption("Rewards", "Mean reward of the last trials, and the best so far, a line a seed"),
    "running_statistics": Caption("Running statistics", "Running mean and variance over the steps, a line a feature"),
    "samples": Caption("Samples", "Sampled points of a few epochs beside the data"),
    "sides": Caption("Sides", "Pixels a side after each layer, and what dilated kernels span"),
    "sizes": Caption("Training sizes", "Accuracy over the number of training samples, a line a model"),
    "strides": Caption("Strides", "Pixels a side after each layer, a line a stride"),
    "temperature": Caption("Temperature", "Weights of the keys over the temperature of the softmax"),
    "threshold": Caption("Threshold", "Precision, recall and F1 over the threshold, and the cost beside them"),
    "trajectories": Caption("Trajectories", "Paths of the optimisers over the contours of the surfaces"),
    "zeros": Caption("Weights and penalty", "Weights over the strength of the penalty; those that matter in colour"),
}


def caption_of(stem: str, known: Captions) -> Caption:
    """The caption of a figure by its file's name: ``test_confusion`` -> "Confusion matrix, test part".

    One that ``known`` does not hold has its name in words, and no description: a task may draw what it likes.
    """
    part, name = part_and_name(stem)
    caption = known.get(name) or Caption(in_words(name), "")
    return Caption(with_part(caption.title, part), caption.shows)


def title_of_text(stem: str) -> str:
    """The title of a text by its file's name: ``test_answers`` -> "Some answers, test part"."""
    part, name = part_and_name(stem)
    return with_part(TEXTS.get(name) or in_words(name), part)


def with_part(title: str, part: str) -> str:
    """A title and, where that is said in words, the part."""
    return f"{title}, {words}" if (words := PARTS.get(part)) else title


def part_and_name(stem: str) -> tuple[str, str]:
    """``test_error_over_k`` -> ("test", "error_over_k"); without a part the first is empty."""
    part, _, name = stem.partition("_")
    return (part, name) if part in PARTS and name else ("", stem)


def in_words(name: str) -> str:
    """``error_over_k`` -> "Error over k"."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
