"""Each computed exercise, by the name of its assignment; imported when it is asked for."""

from importlib import import_module

# Name -> module, class, title: the list of all needs none of them
EXERCISES = {
    "D6": ("convolution_shapes", "OneByOneConvolution", "1x1 convolution"),
    "F4": ("argmax_attention", "ArgmaxAttention", "Attention with argmax in place of softmax"),
    "F5": ("one_hot", "OneHot", "One-hot vectors, and why word2vec is self-supervised"),
    "G1": ("activations", "Activations", "Activation functions"),
    "G4": ("dropout_arithmetic", "DropoutArithmetic", "Dropout by hand"),
    "G5": ("regularisation", "Regularisation", "Regularisation: three statements, and L1 beside L2"),
    "G6": ("saddle_points", "SaddlePoints", "Optimisers at a saddle point, in a ravine, on a toy regression"),
    "G7": ("learning_rates", "LearningRates", "Learning rates and batches by their cost curves"),
    "G8": ("convolution_gradients", "ConvolutionGradients", "Backpropagation through a convolution"),
    "G9": ("convolution_shapes", "ParameterCounts", "Parameters of a 1-D convolutional network"),
    "G10": ("convolution_shapes", "ConvolutionDimensions", "2-D beside 3-D convolution"),
    "G11": ("dilated_convolution", "DilatedConvolution", "Dilated-convolution arithmetic"),
    "G12": ("batch_normalisation", "BatchNormalisation", "Batch normalisation"),
    "G13": ("backpropagation_through_time", "BackpropagationThroughTime", "Backpropagation through time"),
    "G14": ("evaluation_metrics", "EvaluationMetrics", "TP, FP, TN, FN and the metrics made of them"),
    "G16": ("gan_losses", "GanLosses", "What the losses of a GAN say, and what they do not"),
    "G20": ("fuzzy_c_means", "FuzzyCMeans", "Fuzzy C-means and the partition coefficient"),
}


def exercise_class(name: str) -> type:
    """The class of an exercise of ``EXERCISES``."""
    module, cls, _ = EXERCISES[name]
    return getattr(import_module(f"{__name__}.{module}"), cls)


def exercise_title(name: str) -> str:
    """What an exercise of ``EXERCISES`` is about, in a few words."""
    return EXERCISES[name][2]
