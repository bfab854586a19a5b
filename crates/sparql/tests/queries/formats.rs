//! Results as text: every format, what it refuses, and the times it reports.

use crate::common::store;
use quadrille_sparql::{
    QueryError, QueryForm, QueryOptions, ResultFormat, ResultWriter, SparqlExt, run_query,
};

const SELECT: &str = "SELECT ?name ?age { ?s <http://example.com/name> ?name \
                      OPTIONAL { ?s <http://example.com/age> ?age } } ORDER BY ?name";
const CONSTRUCT: &str = "CONSTRUCT { ?s <http://example.com/is> ?age } \
                         { ?s <http://example.com/age> ?age }";

fn written(query: &str, format: ResultFormat) -> Result<String, QueryError> {
    let store = store(":a :name \"Ada\"@en ; :age 36 . :b :name \"Bo, \\\"B\\\"\" .");
    let mut out = Vec::new();
    ResultWriter::new(format).write(store.query(query)?, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn solutions_in_every_format() {
    for (format, expected) in [
        (
            ResultFormat::Table,
            "name        | age\n------------+----\n\"Ada\"@en    | 36\n\"Bo, \\\"B\\\"\" |\n(2 rows)\n",
        ),
        (
            ResultFormat::Csv,
            "name,age\r\nAda,36\r\n\"Bo, \"\"B\"\"\",\r\n",
        ),
        (
            ResultFormat::Tsv,
            "?name\t?age\n\"Ada\"@en\t36\n\"Bo, \\\"B\\\"\"\t\n",
        ),
    ] {
        assert_eq!(written(SELECT, format).unwrap(), expected, "{format}");
    }
    let json = written(SELECT, ResultFormat::Json).unwrap();
    assert!(
        json.contains(r#""age":{"type":"literal","value":"36""#),
        "{json}"
    );
    let xml = written(SELECT, ResultFormat::Xml).unwrap();
    assert!(
        xml.contains(r#"<literal xml:lang="en">Ada</literal>"#),
        "{xml}"
    );
}

#[test]
fn all_is_selected_in_the_order_of_the_text() {
    for query in [
        "SELECT * { ?s ?p ?a }",
        "SELECT DISTINCT * { ?s ?p ?a } LIMIT 1",
    ] {
        let csv = written(query, ResultFormat::Csv).unwrap();
        assert!(csv.starts_with("s,p,a\r\n"), "{csv}");
    }
}

#[test]
fn booleans_in_every_format_that_holds_them() {
    for format in ResultFormat::ALL {
        let answer = written("ASK { ?s ?p ?o }", format);
        if matches!(format, ResultFormat::NTriples | ResultFormat::Turtle) {
            assert!(matches!(answer, Err(QueryError::Format { .. })), "{format}");
        } else {
            assert!(answer.unwrap().contains("true"), "{format}");
        }
    }
    assert_eq!(
        written("ASK { <a:a> ?p 1 }", ResultFormat::Table).unwrap(),
        "false\n"
    );
}

#[test]
fn graphs_in_rdf_syntaxes_and_as_a_table() {
    let line = "<http://example.com/a> <http://example.com/is> \
                \"36\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n";
    assert_eq!(written(CONSTRUCT, ResultFormat::NTriples).unwrap(), line);
    assert_eq!(
        written(CONSTRUCT, ResultFormat::Turtle).unwrap(),
        "<http://example.com/a> <http://example.com/is> 36 .\n"
    );
    let table = written(CONSTRUCT, ResultFormat::Table).unwrap();
    assert!(
        table.starts_with("subject") && table.ends_with("(1 row)\n"),
        "{table}"
    );
}

#[test]
fn a_format_that_cannot_hold_the_result_writes_nothing() {
    let store = store(":s :p :o .");
    for (query, format) in [
        (SELECT, ResultFormat::Turtle),
        (SELECT, ResultFormat::NTriples),
        (CONSTRUCT, ResultFormat::Json),
        (CONSTRUCT, ResultFormat::Csv),
    ] {
        let mut out = Vec::new();
        let refused = ResultWriter::new(format).write(store.query(query).unwrap(), &mut out);
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(format.name()), "{text}");
        assert!(out.is_empty());
    }
}

#[test]
fn the_names_of_formats_are_read_back() {
    for format in ResultFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "pdf".parse::<ResultFormat>().unwrap_err();
    assert!(error.contains("table, json"), "{error}");
}

#[test]
fn a_run_counts_its_rows_and_times_its_parts() {
    let store = store(":s :p 1, 2, 3 .");
    let mut out = Vec::new();
    let writer = |form| {
        assert_eq!(form, QueryForm::Select);
        ResultWriter::new(ResultFormat::Csv)
    };
    let query = "SELECT ?o { ?s ?p ?o }";
    let timings = run_query(&store, query, &QueryOptions::new(), writer, &mut out).unwrap();
    assert_eq!(timings.rows, 3);
    assert!(
        timings.parse_us + timings.plan_us + timings.execute_us > 0,
        "{timings:?}"
    );
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 4);
}

#[test]
fn an_output_that_fails_is_told_apart() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let store = store(":s :p :o .");
    let results = store.query("SELECT * { ?s ?p ?o }").unwrap();
    let error = ResultWriter::new(ResultFormat::Json)
        .write(results, Full)
        .unwrap_err();
    assert!(
        matches!(&error, QueryError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe),
        "{error}"
    );
}
