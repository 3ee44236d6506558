"""What the labelling is worth: Gecko's Table 3 on the user's own data.

    import fret

    settings = fret.load_training("train_small", overrides=["stages.0.steps=100"])
    fret.ablate(fret.load("mine.yaml").stored, settings, ["my_collection"])

Six models are trained on the same queries, in the same order, with the same budget; they differ in
the positive (the seed, or what the scorers chose) and in the hard negative (none, a random one of
the candidates, or the lowest of the fused ranking). See Lee et al. 2024, arXiv 2403.20327, table 3.
"""

from fret.ablation.flow import Ablation, ablate

__all__ = ["Ablation", "ablate"]
