//! A failed read ends a query with an error wherever it happens; it never shortens the answer.

use crate::common::{answer, store};
use oxrdf::{Term, TermRef};
use quadrille_backend::InMemoryBackend;
use quadrille_sparql::{QuadSource, QueryError, SparqlExt};
use quadrille_store::{
    ErrorKind, IdPattern, IdScan, ReadContext, Snapshot, StorageError, StorageResult, TermId,
};

/// A source that cannot read the literal "lost", nor scan for the predicate `:broken`.
#[derive(Clone)]
struct Damaged(Snapshot<InMemoryBackend>);

impl QuadSource for Damaged {
    type Scan = IdScan<InMemoryBackend>;

    fn scan(&self, pattern: IdPattern, context: &ReadContext) -> StorageResult<Self::Scan> {
        if let Some(predicate) = pattern[1]
            && self.0.decode(predicate)?.to_string().contains("broken")
        {
            return Err(StorageError::corrupted("a damaged block"));
        }
        QuadSource::scan(&self.0, pattern, context)
    }

    fn count(&self, pattern: IdPattern) -> StorageResult<u64> {
        QuadSource::count(&self.0, pattern)
    }

    fn estimate(&self, pattern: IdPattern) -> StorageResult<u64> {
        QuadSource::estimate(&self.0, pattern)
    }

    fn encode(&self, term: TermRef<'_>) -> StorageResult<Option<TermId>> {
        QuadSource::encode(&self.0, term)
    }

    fn decode(&self, id: TermId) -> StorageResult<Term> {
        match QuadSource::decode(&self.0, id)? {
            Term::Literal(literal) if literal.value() == "lost" => {
                Err(StorageError::corrupted("a damaged chunk"))
            }
            term => Ok(term),
        }
    }

    fn graphs(
        &self,
    ) -> StorageResult<impl Iterator<Item = StorageResult<(TermId, u64)>> + 'static> {
        QuadSource::graphs(&self.0)
    }
}

impl SparqlExt for Damaged {
    type Source = Self;

    fn query_source(&self) -> StorageResult<Self> {
        Ok(self.clone())
    }
}

#[test]
fn every_query_that_meets_the_damage_fails_and_no_other() {
    let store = store(":a :p \"kept\" ; :broken 1 . :b :p \"lost\" .");
    let damaged = Damaged(store.snapshot().unwrap());
    for query in [
        "SELECT * { ?s :p ?o }",
        "SELECT ?s { ?s :p ?o FILTER(STRLEN(?o) > 1) }",
        "SELECT ?s { ?s :p ?o FILTER NOT EXISTS { ?s :broken ?x } }",
        "SELECT ?s { ?s :p ?o } ORDER BY DESC(?o)",
        "SELECT (COUNT(?s) AS ?n) { ?s :p ?o FILTER(STRLEN(?o) > 1) }",
        "SELECT (GROUP_CONCAT(?o) AS ?all) { ?s :p ?o }",
        "SELECT ?s { ?s :p ?o OPTIONAL { ?s :broken ?x } }",
        "SELECT ?s { ?s :broken+ ?x }",
        "ASK { ?s :p ?o FILTER(CONTAINS(?o, \"nothing\")) }",
        "ASK { ?s :broken ?o }",
        "CONSTRUCT WHERE { ?s :p ?o }",
        "DESCRIBE :b",
    ] {
        let failed = answer(&damaged, query);
        let corrupted = |error: &StorageError| error.kind() == ErrorKind::Corrupted;
        assert!(
            matches!(&failed, Err(QueryError::Storage(error)) if corrupted(error)),
            "{query}: {failed:?}"
        );
    }
    assert_eq!(
        answer(&damaged, "SELECT ?s { ?s :p \"kept\" }").unwrap(),
        ["<:a>"]
    );
    assert_eq!(answer(&damaged, "SELECT ?s { ?s :p ?o }").unwrap().len(), 2);
    // Whether a term is another one shows in its id.
    for other in ["\"nothing\"", "\"no string of the data\"", "<of:no>", "7"] {
        let query = format!("SELECT ?s {{ ?s :p ?o FILTER(?o = {other}) }}");
        assert_eq!(answer(&damaged, &query).unwrap().len(), 0, "{query}");
    }
}
