"""Training: corpora and hand-made labels → a model file. Needs scikit-learn; the rest of bodycopy does not.

The flow: `corpora` reads pages and what is known of them, `examples` turns that into a label and a core value a block,
`stacking` fits the model, `evaluation` scores it on pages it never saw, and ``python -m bodycopy.training`` does all.
"""
