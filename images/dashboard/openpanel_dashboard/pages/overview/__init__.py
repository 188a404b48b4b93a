"""The overview of a project: what happened, where from, what did they do.

`scope` resolves an address, `frame` is the page around the panels, `kpis`, `chart` and `rankings` are the panels,
`routes` answers. `wording` and `spans` are the texts.
"""
