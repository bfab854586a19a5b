//! Results of TriG tests that the suite lacks and no Turtle test has; those of the same name have other data. This
//! project wrote them from the tests' files.

/// The quads of a test of TriG, as N-Quads.
pub(crate) fn own_result(name: &str) -> Option<&'static str> {
    RESULTS
        .iter()
        .find_map(|(other, quads)| (*other == name).then_some(*quads))
}

const RESULTS: &[(&str, &str)] = &[
    (
        "labeled_blank_node_graph",
        "<http://a.example/s> <http://a.example/p> <http://a.example/o> _:g .",
    ),
    (
        "anonymous_blank_node_graph",
        "<http://a.example/s> <http://a.example/p> <http://a.example/o> _:g .",
    ),
    (
        "alternating_iri_graphs",
        "<http://example/a> <http://example/b> <http://example/c> .
        <http://example/a> <http://example/b> <http://example/e> .
        <http://example/a> <http://example/b> <http://example/d> <http://example/G> .
        <http://example/a> <http://example/b> <http://example/f> <http://example/G> .",
    ),
    (
        "alternating_bnode_graphs",
        "<http://example/a> <http://example/b> <http://example/c> .
        <http://example/a> <http://example/b> <http://example/e> .
        <http://example/a> <http://example/b> <http://example/d> _:G .
        <http://example/a> <http://example/b> <http://example/f> _:G .",
    ),
    (
        "sole_blankNodePropertyList",
        "_:a <http://a.example/p> <http://a.example/o> .
        _:b <http://a.example/p> <http://a.example/o> <http://example/graph> .
        _:c <http://a.example/p> <http://a.example/o> <http://example/graph> .",
    ),
    (
        "trig-eval-struct-01",
        "<http://example/s> <http://example/p> <http://example/o> .
        <http://example/s> <http://example/p> <http://example/o> <http://example/graph> .",
    ),
    (
        "trig-eval-struct-02",
        "<http://example/s> <http://example/p1> <http://example/o1> .
        <http://example/s> <http://example/p2> <http://example/o2> .
        <http://example/s> <http://example/p1> <http://example/o1> <http://example/graph> .
        <http://example/s> <http://example/p2> <http://example/o2> <http://example/graph> .",
    ),
    (
        "blankNodePropertyList_as_object_containing_objectList",
        "<http://a.example/s> <http://a.example/p> _:b <http://a.example/g> .
        _:b <http://a.example/p2> <http://a.example/o> <http://a.example/g> .
        _:b <http://a.example/p2> <http://a.example/o2> <http://a.example/g> .",
    ),
    (
        "blankNodePropertyList_as_object_containing_objectList_of_two_objects",
        "<http://a.example/s> <http://a.example/p> _:b <http://a.example/g> .
        <http://a.example/s> <http://a.example/p> <http://a.example/o2> <http://a.example/g> .
        _:b <http://a.example/p2> <http://a.example/o> <http://a.example/g> .",
    ),
    (
        "predicateObjectList_with_blankNodePropertyList_as_object",
        "<http://a.example/s> <http://a.example/p> _:b <http://a.example/g> .
        _:b <http://a.example/p2> <http://a.example/o> <http://a.example/g> .
        <http://a.example/s> <http://a.example/p3> _:c <http://a.example/g> .
        _:c <http://a.example/p4> <http://a.example/o2> <http://a.example/g> .
        _:c <http://a.example/p4> <http://a.example/o3> <http://a.example/g> .",
    ),
    (
        "localName_with_assigned_nfc_PN_CHARS_BASE_character_boundaries",
        r"<http://a.example/s> <http://a.example/p> <http://a.example/AZaz\u00C0\u00D6\u00D8\u00F6\u00F8\u02FF\u0370\u037D\u0384\u1FFE\u200C\u200D\u2070\u2189\u2C00\u2FD5\u3001\uD7FB\uFA0E\uFDC7\uFDF0\uFFEF\U00010000\U0002FA1D> .
        <http://a.example/s> <http://a.example/p> <http://a.example/AZaz\u00C0\u00D6\u00D8\u00F6\u00F8\u02FF\u0370\u037D\u0384\u1FFE\u200C\u200D\u2070\u2189\u2C00\u2FD5\u3001\uD7FB\uFA0E\uFDC7\uFDF0\uFFEF\U00010000\U0002FA1D> <http://example/graph> .",
    ),
];
