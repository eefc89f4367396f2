"""``validate``, ``test`` and ``predict``: what is done with weights that are given."""

from pathlib import Path

from lightning_tasks.runs.calibration import calibration_beside
from lightning_tasks.runs.checkpoint import load_weights
from lightning_tasks.runs.data_record import check_split

from .evaluated import finish_evaluation, finish_prediction
from .finish import evaluate_run
from .weights import folder_of, of_word


class GivenWeights:
    """The commands of ``TaskCLI`` that train nothing."""

    def _weights(self, ckpt_path: str | None) -> str:
        """Load the weights that were named; the file they stand in."""
        if ckpt_path is None:
            run = f"{self.options.runs}/{self.options.experiment}/latest"
            raise ValueError(
                f"{self.subcommand} needs weights: add --ckpt_path {run}/checkpoints/best.ckpt, or --run {run}"
            )
        path = of_word(ckpt_path, self.run_dir)
        self.datamodule.take_fitted(load_weights(self.model, path))
        return path

    def _weights_to_score(self, ckpt_path: str | None) -> str:
        """As ``_weights``, but not those that were trained on samples of what is to be scored."""
        path = self._weights(ckpt_path)
        if self.trainer.is_global_zero:
            self.datamodule.prepare_data()
            self.datamodule.setup()
            check_split(folder_of(Path(path)), self.datamodule)
        return path

    def validate(self, model, ckpt_path=None, **kwargs) -> None:
        """Score the validation part with given weights."""
        path = self._weights_to_score(ckpt_path)
        self.trainer.validate(model, datamodule=self.datamodule, verbose=False)
        self.show_scores("val", path)

    def test(self, model, ckpt_path=None, **kwargs) -> None:
        """Score the test part with given weights."""
        path = self._weights_to_score(ckpt_path)
        self.trainer.test(model, datamodule=self.datamodule, verbose=False)
        self.show_scores("test", path)

    def show_scores(self, part: str, path: str) -> None:
        """Print and write the scores of the evaluation that just ran, once."""
        if self.trainer.is_global_zero:
            scores = evaluate_run(self.trainer, self.model, part, self.options.draws)
            finish_evaluation(self.model, self.datamodule, part, scores, path, self.options.baselines)

    def predict(self, model, ckpt_path=None, return_predictions=None, **kwargs) -> None:
        """Write the predictions of the unlabelled part (or the test part) beside the weights."""
        from .predict import write_predictions

        path = Path(self._weights(ckpt_path))
        model.calibration = calibration_beside(path)
        written = write_predictions(self.trainer, model, self.datamodule, folder_of(path))
        if written is not None:
            finish_prediction(model, self.datamodule, written)
