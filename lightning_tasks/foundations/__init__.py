"""Each computed exercise, by the name of its assignment; imported when it is asked for."""

from importlib import import_module

EXERCISES = {
    "F4": ("argmax_attention", "ArgmaxAttention"),
    "F5": ("one_hot", "OneHot"),
    "D6": ("convolution_shapes", "OneByOneConvolution"),
    "G1": ("activations", "Activations"),
    "G4": ("dropout_arithmetic", "DropoutArithmetic"),
    "G5": ("regularisation", "Regularisation"),
    "G6": ("saddle_points", "SaddlePoints"),
    "G7": ("learning_rates", "LearningRates"),
    "G8": ("convolution_gradients", "ConvolutionGradients"),
    "G9": ("convolution_shapes", "ParameterCounts"),
    "G10": ("convolution_shapes", "ConvolutionDimensions"),
    "G11": ("dilated_convolution", "DilatedConvolution"),
    "G12": ("batch_normalisation", "BatchNormalisation"),
    "G13": ("backpropagation_through_time", "BackpropagationThroughTime"),
    "G14": ("evaluation_metrics", "EvaluationMetrics"),
    "G20": ("fuzzy_c_means", "FuzzyCMeans"),
}


def exercise_class(name: str) -> type:
    """The class of an exercise of ``EXERCISES``."""
    module, cls = EXERCISES[name]
    return getattr(import_module(f"{__name__}.{module}"), cls)
