"""Fingerprints of texts: the same for copies, and alike for texts that share most of their words."""

import hashlib
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

BITS, FEATURES, CHUNK = 64, 2**18, 20_000  # of a fingerprint; columns that words fall into; texts at a time


def text_prints(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Exact and near fingerprints of N texts.

    Exact is a hash of the text in lower case with one blank between words. Near is SimHash: each word, and each pair of
    neighbours, has a direction of 64 random signs; their sum's signs are the bits. Two texts whose sets of words and
    pairs meet at the angle a differ in about 64 a / pi bits: of ten words one changed gives 10 bits, of forty 5. Words
    are runs of letters, so that texts that differ in numbers or marks alone have the same bits.

    Returns:
        (N,) str of 32 hex digits, and (N,) uint64.

    Source: Charikar 2002, "Similarity estimation techniques from rounding algorithms", section 3.
    """
    exact = [hashlib.blake2b(" ".join(str(t).lower().split()).encode(), digest_size=16).hexdigest() for t in texts]
    words = HashingVectorizer(
        n_features=FEATURES,
        ngram_range=(1, 2),
        token_pattern=r"[^\W\d_]+",
        binary=True,
        norm=None,
        alternate_sign=False,
    )
    signs = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (FEATURES, BITS))
    bits = [(words.transform(texts[i : i + CHUNK]).astype(np.float32) @ signs) > 0 for i in range(0, len(texts), CHUNK)]
    near = np.packbits(np.concatenate(bits), axis=1).view(">u8")[:, 0].astype(np.uint64)
    return np.array(exact, dtype="<U32"), near
