"""The dtypes that columns are declared with."""

import polars as pl

TEXT, COUNT, SHARE, FLAG = pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()
TEXTS = pl.List(pl.String())
