"""What other tools call an option, and what it is called here."""

KEYS = {
    "trainer.max_epochs": ("epochs", "n_epochs", "num_epochs", "max_epoch", "num_train_epochs", "max_epochs"),
    "trainer.max_steps": ("steps", "num_steps", "max_steps"),
    "trainer.devices": ("gpus", "gpu", "num_gpus", "ngpus", "devices"),
    "trainer.accelerator": ("device", "cuda", "cpu", "accelerator"),
    "trainer.precision": ("amp", "fp16", "bf16", "mixed_precision", "precision"),
    "trainer.gradient_clip_val": ("clip", "clip_grad", "grad_clip", "gradient_clip", "max_grad_norm"),
    "trainer.fast_dev_run": ("dry_run", "smoke", "fast_dev_run"),
    "model.lr": ("lr", "learning_rate", "learningrate", "base_lr"),
    "model.weight_decay": ("wd", "weight_decay", "l2"),
    "model.optimizer": ("optimizer", "optim", "opt"),
    "model.schedule": ("lr_scheduler", "scheduler", "sched", "lr_schedule", "schedule"),
    "model.net": ("net", "network", "arch", "backbone", "architecture", "model_name"),
    "model.weights": ("weights", "pretrained"),
    "data.batch_size": ("batch_size", "batch", "batchsize", "bs", "train_batch_size"),
    "data.num_workers": ("workers", "num_workers", "n_workers", "jobs"),
    "data.root": ("root", "data_dir", "data_root", "dataset", "data_path", "dataset_dir", "path"),
    "data.fold": ("fold",),
    "data.size": ("image_size", "img_size", "imgsz"),
    "seed_everything": ("seed", "random_state", "random_seed"),
    "early_stopping": ("patience", "early_stop", "early_stopping_patience"),
    "ckpt_path": ("checkpoint", "ckpt", "checkpoint_path", "load", "resume_from_checkpoint"),
    "runs": ("output_dir", "output", "out", "log_dir", "logdir", "save_dir", "default_root_dir"),
}
BY_WORD = {word: key for key, words in KEYS.items() for word in words}


def key_for(option: str) -> str:
    """The key that an unknown option stands for (``--batch-size``, ``epochs``, ``model.learning_rate``), or ""."""
    word = option.strip("-").rsplit(".", 1)[-1].lower().replace("-", "_")
    key = BY_WORD.get(word, "")
    return "" if key == option.strip("-") else key
