"""Where contents come from if not from ``contents/``: files elsewhere, a database, an asset of the deployment."""

from pydantic import model_validator

from tagflow.dataset_files import Strict

PLACES = ("files", "duckdb", "database", "asset")


class SourceSettings(Strict):
    """One place, and for a database what is read of it."""

    files: str | None = (
        None  # a path or address with * for many, such as exports/*.parquet or s3://bucket/day=*/*.jsonl
    )
    duckdb: str | None = None  # a .duckdb file, or Parquet files that a query reads as the table contents
    database: str | None = None  # the name of the environment variable that holds the database's address
    asset: str | None = None  # the key of an upstream Dagster asset, such as shop/products
    table: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one_place_is_named(self) -> "SourceSettings":
        named = [place for place in PLACES if getattr(self, place)]
        if len(named) != 1:
            said = f"names {' and '.join(named)}" if named else "names none"
            raise ValueError(f"it must name one of {', '.join(PLACES)}, and {said}")
        asked = [key for key in ("table", "query") if getattr(self, key)]
        if named[0] in ("duckdb", "database") and len(asked) != 1:
            raise ValueError(f"beside {named[0]} it must name a table or a query, one of the two")
        if named[0] in ("files", "asset") and asked:
            raise ValueError(f"beside {named[0]} there can be no {asked[0]}")
        return self

    def tell(self) -> str:
        """Return the place in a few words, for messages."""
        place = next(place for place in PLACES if getattr(self, place))
        return f"{place} {getattr(self, place)}"
