"""Words per second and quality of skip-gram against gensim, on the same text with the same budget.

    pip install gensim
    python benchmarks/word2vec.py [--root data] [--file ag_news.csv] [--vectors GLOVE] [--epochs 10] [--threads 1 2]

Both see the same pieces of text, vocabulary, window, negatives, subsampling, size and epochs. Ours is the loss of
``Word2VecTask`` with its optimiser in a bare loop. A word counts as often as it stands in the train part, times epochs.
Quality is ``same_class`` and ``analogies`` on the simulated corpus (where ``root`` has no file), and with ``--vectors``
the rank correlation of similarities with those vectors. gensim is needed here alone.
"""

import argparse
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--root", default="data")
parser.add_argument("--file", default="ag_news.csv")
parser.add_argument("--vectors")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
parser.add_argument("--lr", type=float, default=1e-2)


def main() -> None:
    import torch
    from gensim.models import Word2Vec

    from datamodules import CorpusDataModule
    from lightning_tasks import Word2VecTask
    from lightning_tasks.measures.words import word_scores
    from lightning_tasks.problems.optim import make_schedule

    data = CorpusDataModule(root=options.root, file=options.file, vectors=options.vectors, folds=20, batch_size=16)
    data.setup()
    words = data.fitted["words"]
    texts = [text.split() for text in data.pools["train"]["text"][data.parts["train"]]]
    counts, tests = data.statistics(), data.word_tests()
    tests = {name: value[: len(words) + 2] if name == "classes" else value for name, value in tests.items()}
    size = sum(map(len, texts)) * options.epochs

    def ours() -> torch.Tensor:
        torch.manual_seed(0)
        task = Word2VecTask(words=len(words) + 2)
        task.fit_statistics({"word_counts": counts["word_counts"][: len(words) + 2]})
        optimizer = torch.optim.SparseAdam(list(task.parameters()), lr=options.lr)
        loader = data.train_dataloader()
        schedule = make_schedule(optimizer, "onecycle", len(loader) * options.epochs, 0, "", "")["scheduler"]
        for epoch in range(options.epochs):
            loader.sampler.set_epoch(epoch)
            for batch in loader:
                loss, pairs, _ = task.losses(batch, None)
                optimizer.zero_grad()
                (loss.sum() / pairs.sum().clamp(min=1)).backward()
                optimizer.step()
                schedule.step()
        return task.embedding.weight.detach()

    def theirs(threads: int) -> torch.Tensor:
        model = Word2Vec(texts, vector_size=100, window=5, negative=5, sample=1e-3, sg=1, epochs=options.epochs,
                         min_count=data.hparams.min_count, max_final_vocab=None, workers=threads, seed=0)  # fmt: skip
        rows = torch.zeros(len(words) + 2, 100)
        for i, word in enumerate(words, 2):
            rows[i] = torch.from_numpy(model.wv[word].copy())
        return rows

    print(
        f"{len(words)} words, {size // options.epochs} in the train part, {options.epochs} epochs, {data.data_source}"
    )
    print(f"{'':10} {'threads':>7} {'words/s':>9}  quality")
    for threads in options.threads:
        torch.set_num_threads(threads)
        for name, train in (("ours", ours), ("gensim", lambda threads=threads: theirs(threads))):
            start = time.perf_counter()
            vectors = train()
            seconds = time.perf_counter() - start
            quality = ", ".join(f"{k} {v:.3f}" for k, v in word_scores(vectors, tests).items() if "coverage" not in k)
            print(f"{name:10} {threads:7} {size / seconds:9.0f}  {quality}")


if __name__ == "__main__":
    options = parser.parse_args()
    main()
