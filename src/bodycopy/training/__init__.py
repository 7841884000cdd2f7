"""Training: labelled pages → a model file. Needs scikit-learn; the rest of bodycopy does not.

The flow: `layouts` and `corpora` read pages and what is known of them, `annotation` and `review` let a person say it,
`alignment` and `examples` turn that into features, a label and a core value a block (`texts` does so for plain text),
`tables` keep them without the pages, `languages` reads lines to learn words from, `stacking` fits the model,
`evaluation` scores it while it is trained, `comparison` and `report` afterwards, on other pages. `train` and `commands`
are what ties this together.
"""
