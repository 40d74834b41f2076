"""Reads a SKOS thesaurus as a tag list: RDF/XML, Turtle, N-Triples or JSON-LD, also gzipped."""

import gzip
import importlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagflow.errors import ConfigError

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node

KINDS = {".rdf": "xml", ".ttl": "turtle", ".nt": "nt", ".jsonld": "json-ld"}
GZIP = b"\x1f\x8b"
CORE = "http://www.w3.org/2004/02/skos/core#"
DEPRECATED = "http://www.w3.org/2002/07/owl#deprecated"


def reads(path: Path) -> bool:
    """Return whether the file's name says that it is a thesaurus."""
    return Path(path.name.removesuffix(".gz")).suffix in KINDS


def read_thesaurus(path: Path, language: str) -> list[tuple[str, list[str], str | None, list[str]]]:
    """Return tag, aliases, description and broader tags of every concept that has a label and is not deprecated.

    The tag is the preferred label in the language (``en`` is also read from ``en-GB``), else one without a language,
    else the first by alphabet; aliases are its other, alternative and hidden labels in the same language
    or the one asked for. The description is the definition, else the scope note, by the same choice. Sorted by tag,
    then by the concept's address.

    Raises:
        ConfigError: rdflib is not installed, the file is not what its ending says, has no concept, or a JSON-LD file
            names a context elsewhere, which would have to be fetched.
    """
    graph = _parse(path)
    concepts = {node: _choose(graph, node, "prefLabel", language) for node in _list_concepts(graph)}
    labels = {node: said for node, said in concepts.items() if said}
    if not labels:
        raise ConfigError(f"{path} has no SKOS concept with a preferred label.")
    rows = []
    for node, said in sorted(labels.items(), key=lambda pair: (pair[1][0].casefold(), str(pair[0]))):
        tag, spoken = said[0], said[1]
        others = [*said[2:], *_list_labels(graph, node, (spoken, language))]
        note = _choose(graph, node, "definition", language) or _choose(graph, node, "scopeNote", language)
        above = {labels[one][0] for one in _list_broader(graph, node) if one in labels}
        aliases = [name for name in dict.fromkeys(others) if name != tag]
        rows.append((tag, aliases, note[0] if note else None, sorted(above)))
    return rows


def _parse(path: Path) -> "Graph":
    try:
        rdflib = importlib.import_module("rdflib")
    except ImportError as error:
        raise ConfigError(f"{path} is a thesaurus, and reading it needs rdflib: install tagflow[skos].") from error
    kind = KINDS[Path(path.name.removesuffix(".gz")).suffix]
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw.startswith(GZIP) else raw
        if kind == "json-ld":
            _refuse_remote(json.loads(raw), path)
        graph: Graph = rdflib.Graph().parse(data=raw, format=kind)
    except ConfigError:
        raise
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise _refuse(path, error) from error
    except Exception as error:  # each of rdflib's parsers has errors of its own, without a common ancestor
        raise _refuse(path, error) from error
    return graph


def _refuse(path: Path, error: Exception) -> ConfigError:
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return ConfigError(f"{path} cannot be read as what its ending says: {said}.")


def _refuse_remote(said: Any, path: Path) -> None:  # noqa: ANN401 - any JSON
    """A context that is an address would be fetched from there."""
    waiting = [said]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            contexts = one.get("@context", [])
            for context in contexts if isinstance(contexts, list) else [contexts]:
                imported = context.get("@import") if isinstance(context, dict) else context
                if isinstance(imported, str):
                    raise ConfigError(
                        f"{path} names the context {imported}, which is elsewhere: write it into the file."
                    )
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _list_concepts(graph: "Graph") -> Iterator["Node"]:
    from rdflib import RDF, URIRef

    concepts = set(graph.subjects(RDF.type, URIRef(CORE + "Concept"))) | set(
        graph.subjects(URIRef(CORE + "prefLabel"), None)
    )
    schemes = set(graph.subjects(RDF.type, URIRef(CORE + "ConceptScheme")))
    for node in concepts - schemes:
        if not any(str(flag).lower() in ("true", "1") for flag in graph.objects(node, URIRef(DEPRECATED))):
            yield node


def _choose(graph: "Graph", node: "Node", name: str, language: str) -> list[str]:
    """The chosen text, its language tag ('' for none), and the other texts of that language."""
    texts = sorted(_list_texts(graph, node, name))
    for fits in (_speaks(language), lambda tag: tag == "", lambda tag: True):
        found = [(tag, text) for tag, text in texts if fits(tag)]
        if found:
            tag, text = found[0]
            return [text, tag, *(other for spoken, other in found[1:] if _speaks(tag)(spoken))]
    return []


def _list_labels(graph: "Graph", node: "Node", languages: tuple[str, ...]) -> list[str]:
    texts = [*sorted(_list_texts(graph, node, "altLabel")), *sorted(_list_texts(graph, node, "hiddenLabel"))]
    return [text for tag, text in texts if any(_speaks(language)(tag) for language in (*languages, ""))]


def _speaks(language: str) -> Any:  # noqa: ANN401 - a test of a language tag
    primary = language.lower().split("-")[0]
    return lambda tag: tag.lower().split("-")[0] == primary


def _list_texts(graph: "Graph", node: "Node", name: str) -> Iterator[tuple[str, str]]:
    from rdflib import Literal, URIRef

    for said in graph.objects(node, URIRef(CORE + name)):
        text = " ".join(str(said).split())
        if isinstance(said, Literal) and text:
            yield said.language or "", text


def _list_broader(graph: "Graph", node: "Node") -> set["Node"]:
    from rdflib import URIRef

    above = set(graph.objects(node, URIRef(CORE + "broader")))
    return above | set(graph.subjects(URIRef(CORE + "narrower"), node))
