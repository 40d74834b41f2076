"""tagflow: a tag vocabulary from your content, and every content tagged with it, with a reason and a confidence.

The house, from the ground up; each floor imports only the floors below it, and the import contracts in
``pyproject.toml`` hold it to that:

* ``errors``, ``tables``, ``schemas``, ``ports``, ``settings``: what can go wrong, what flows, the Protocols, datasets.
* ``clues`` (TagGPT §2.1.1), ``tagset`` (TagGPT §2.1.2-3), ``graph`` (LLM4Tag §3.2), ``knowledge`` (§3.3),
  ``confidence`` (§3.4), ``evaluation``: pure algorithms over Polars frames and numpy arrays, in the papers' order.
* ``tagmodels``, ``materials``, ``taggers``: the brains, what a method may use, and one tagging method a file.
* ``adapters``: one door to the outside a file.
* ``pipeline``: the Dagster assets, on one page in paper order. ``cli``: thin verbs over the same assets.
"""

__version__ = "0.1.0"
