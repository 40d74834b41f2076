"""A SKOS thesaurus as a tag list: the same tags whatever the format, and nothing fetched from anywhere."""

import gzip
import sys
from pathlib import Path

import pytest
import rdflib

from tagflow.adapters.tag_list_reader import read_tag_list
from tagflow.errors import ConfigError

THESAURUS = """
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix e: <http://example.org/> .
e:scheme a skos:ConceptScheme ; skos:prefLabel "Kitchen"@en .
e:food a skos:Concept ; skos:prefLabel "food"@en, "Essen"@de ; skos:narrower e:soup .
e:soup a skos:Concept ; skos:prefLabel "soup"@en-GB, "Suppe"@de ;
    skos:altLabel "broth"@en, "Brühe"@de, "potage" ; skos:hiddenLabel "suop"@en ;
    skos:definition "Warm and\\n wet."@en ; skos:scopeNote "Not stew."@en .
e:ramen skos:prefLabel "ramen" ; skos:altLabel "noodle soup"@en ; skos:broader e:soup, e:gone, e:elsewhere ;
    skos:scopeNote "From Japan." .
e:gone a skos:Concept ; skos:prefLabel "gone"@en ; owl:deprecated true .
e:bare a skos:Concept .
"""
ENGLISH = [
    ("food", [], None, []),
    ("ramen", ["noodle soup"], "From Japan.", ["soup"]),
    ("soup", ["potage", "broth", "suop"], "Warm and wet.", ["food"]),
]


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")  # rdflib's own JSON-LD reader
@pytest.mark.parametrize(
    ("name", "kind"), [("t.ttl", "turtle"), ("t.rdf", "xml"), ("t.nt", "nt"), ("t.jsonld", "json-ld")]
)
def test_the_same_tags_come_from_every_format_also_gzipped(tmp_path: Path, name: str, kind: str) -> None:
    text = rdflib.Graph().parse(data=THESAURUS, format="turtle").serialize(format=kind, encoding="utf-8")
    (tmp_path / name).write_bytes(text)
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text))
    assert read_tag_list(tmp_path, name, "en").rows() == ENGLISH
    assert read_tag_list(tmp_path, f"{name}.gz", "en").rows() == ENGLISH


def test_labels_are_those_of_the_language_or_the_best_there_are(tmp_path: Path) -> None:
    (tmp_path / "t.ttl").write_text(THESAURUS)
    german = read_tag_list(tmp_path, "t.ttl", "de")
    assert german["tag"].to_list() == ["Essen", "ramen", "Suppe"]
    assert german["aliases"].to_list() == [[], [], ["potage", "Brühe"]]
    assert german["broader"].to_list() == [[], ["Suppe"], ["Essen"]]
    # no French label: the first by language, which is German
    assert read_tag_list(tmp_path, "t.ttl", "fr")["tag"].to_list() == ["Essen", "ramen", "Suppe"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.ttl", "this is no turtle", "cannot be read as what its ending says"),
        ("t.rdf", "<rdf", "cannot be read as what its ending says"),
        ("t.jsonld", "{", "cannot be read as what its ending says"),
        ("t.nt", "", "has no SKOS concept with a preferred label"),
        ("t.jsonld", '{"@context": "https://example.org/context.jsonld"}', "names the context https://example.org"),
        ("t.jsonld", '[{"a": {"@context": [{"@import": "http://e.org/c"}]}}]', "names the context http://e.org/c"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_tag_list(tmp_path, name)
    told = str(refused.value)
    assert told.startswith(str(tmp_path / name))
    assert said in told
    assert "\n" not in told


def test_a_gzip_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.ttl.gz").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_tag_list(tmp_path, "t.ttl.gz")


def test_an_entity_that_points_at_a_file_brings_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    (tmp_path / "t.rdf").write_text(
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "{(tmp_path / "secret.txt").as_uri()}">]>'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:s="http://www.w3.org/2004/02/skos/core#"><s:Concept rdf:about="http://e/a">'
        "<s:prefLabel>a&x;b</s:prefLabel></s:Concept></rdf:RDF>"
    )
    assert read_tag_list(tmp_path, "t.rdf")["tag"].to_list() == ["ab"]


def test_without_rdflib_the_extra_to_install_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.ttl").write_text(THESAURUS)
    monkeypatch.setitem(sys.modules, "rdflib", None)
    with pytest.raises(ConfigError, match=r"install tagflow\[skos\]"):
        read_tag_list(tmp_path, "t.ttl")
