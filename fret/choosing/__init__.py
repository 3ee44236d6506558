"""The rules that pick positives and negatives from a judged list: pure functions on one query.

Gecko (arXiv 2403.20327, section 3.2): the positive is the best of the fused ranking, whether or not
the query came from it; the negative is the lowest of it, or one drawn at random. What is added here
keeps positives relevant (a floor, caution where scorers are known to fail, further positives) and
negatives irrelevant (guards), and says of every candidate why it was not taken.

    options ─► choose ─┬─ positives   which candidate, and which others are as good
                       └─ negatives   guards, the pick among what passes, the deeper pool
"""
