"""Each computed exercise, by the name of its assignment; imported when it is asked for."""

from importlib import import_module

# Name -> module, class, title: the list of all needs none of them
EXERCISES = {
    "D6": ("convolution_shapes", "OneByOneConvolution", "1x1 convolution"),
    "D7": ("inception_sizes", "InceptionSizes", "Inception module, and what stride does to sizes"),
    "F4": ("argmax_attention", "ArgmaxAttention", "Attention with argmax in place of softmax"),
    "F5": ("one_hot", "OneHot", "One-hot vectors, and why word2vec is self-supervised"),
    "G1": ("activations", "Activations", "Activation functions"),
    "G2": ("likelihoods", "Likelihoods", "Logistic and probit regression by maximum likelihood"),
    "G4": ("dropout_arithmetic", "DropoutArithmetic", "Dropout by hand"),
    "G5": ("regularisation", "Regularisation", "Regularisation: three statements, and L1 beside L2"),
    "G6": (
        "saddle_points",
        "SaddlePoints",
        "Optimisers at saddle points, in ravines, under noise, on a toy regression",
    ),
    "G7": ("learning_rates", "LearningRates", "Learning rates and batches by their cost curves"),
    "G8": ("convolution_gradients", "ConvolutionGradients", "Backpropagation through a convolution"),
    "G9": ("convolution_shapes", "ParameterCounts", "Parameters of a 1-D convolutional network"),
    "G10": ("convolution_shapes", "ConvolutionDimensions", "2-D beside 3-D convolution"),
    "G11": ("dilated_convolution", "DilatedConvolution", "Dilated-convolution arithmetic"),
    "G12": ("batch_normalisation", "BatchNormalisation", "Batch normalisation"),
    "G13": ("backpropagation_through_time", "BackpropagationThroughTime", "Backpropagation through time"),
    "G14": ("evaluation_metrics", "EvaluationMetrics", "TP, FP, TN, FN and the metrics made of them"),
    "G15": ("architecture_search", "ArchitectureSearch", "Search of architectures by reinforcement, on a known table"),
    "G16": ("gan_losses", "GanLosses", "What the losses of a GAN say, and what they do not"),
    "G17": ("learning_sizes", "LearningSizes", "Machine learning beside deep learning over the number of samples"),
    "G18": (
        "deep_and_wide",
        "DeepAndWide",
        "Deep beside wide networks of as many parameters, and probes of their layers",
    ),
    "G19": ("where_convolution_helps", "WhereConvolutionHelps", "Convolution where it helps and where it hurts"),
    "G20": ("fuzzy_c_means", "FuzzyCMeans", "Fuzzy C-means and the partition coefficient"),
}


def exercise_class(name: str) -> type:
    """The class of an exercise of ``EXERCISES``."""
    module, cls, _ = EXERCISES[name]
    return getattr(import_module(f"{__name__}.{module}"), cls)


def exercise_title(name: str) -> str:
    """What an exercise of ``EXERCISES`` is about, in a few words."""
    return EXERCISES[name][2]
