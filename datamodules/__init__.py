"""Each data set of the application, by the bare name that a config gives it; imported when it is asked for."""

from importlib import import_module

EXPORTS = {
    "BloodCellsDataModule": "sets.blood_cells",
    "BrainTumorDataModule": "sets.brain_tumor",
    "CIFAR10DataModule": "sets.cifar10",
    "CorpusDataModule": "sets.corpus",
    "DataModule": "core.base",
    "CuesDataModule": "sets.cues",
    "DigitSequencesDataModule": "sets.digit_sequences",
    "FacesDataModule": "sets.faces",
    "FashionMNISTDataModule": "sets.mnist",
    "GasDataModule": "sets.gas",
    "HeadlinesDataModule": "sets.text_tables",
    "ImageFolderDataModule": "sets.image_folder",
    "ImdbDataModule": "sets.text_tables",
    "IsicDataModule": "sets.isic",
    "MNISTDataModule": "sets.mnist",
    "MarsDataModule": "sets.mars",
    "MixtureDataModule": "sets.mixture",
    "PatternsDataModule": "sets.patterns",
    "PhraseBankDataModule": "sets.phrase_bank",
    "RetrievalDataModule": "sets.retrieval",
    "ShakespeareDataModule": "sets.shakespeare",
    "TextStreamDataModule": "texts.stream",
    "ToxicDataModule": "sets.text_tables",
    "TumoursDataModule": "sets.two_classes",
    "TwoClassesDataModule": "sets.two_classes",
    "TwoMoonsDataModule": "sets.two_moons",
    "WristDataModule": "sets.wrist",
}
__all__ = list(EXPORTS)


def __getattr__(name: str) -> type:
    if name not in EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{EXPORTS[name]}"), name)
