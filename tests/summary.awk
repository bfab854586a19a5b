# Counts the outcomes in the output of `cargo test`, per backend and in all; fails when something failed, and under
# CI also when a backend or the W3C suites ran nothing. Variables: ci ("true" or not), status (cargo's exit code).

function outcome(text) {
    if (text ~ /^ok/) return "passed"
    if (text ~ /^ignored/) return "skipped"
    return "failed"
}

function line(label, key) {
    printf "%-28s %6d passed, %d failed, %d skipped\n", label ":", n[key, "passed"], n[key, "failed"], n[key, "skipped"]
}

BEGIN { split("memory lmdb rocksdb", backends, " ") }

# Which test program the next lines come from; one named after the W3C holds its suites.
/^ *Running / { suite = ($0 ~ /w3c/) ? "w3c " : "" }
/^ *Doc-tests / { suite = "" }

/^test .* \.\.\. (ok|FAILED|ignored)/ {
    name = $0
    sub(/^test /, "", name)
    verdict = name
    sub(/ \.\.\. (ok|FAILED|ignored).*$/, "", name)
    sub(/^.* \.\.\. /, "", verdict)
    result = outcome(verdict)
    n["all", result]++
    for (i in backends) {
        if (("::" name "::") ~ ("::" backends[i] "::")) n[suite backends[i], result]++
    }
    # The test doubles over backends, such as `mirror-memory-lmdb::`, count apart from the backends themselves.
    if (name ~ /^(mirror|faulty)-[a-z-]+::/) n["doubles", result]++
}

END {
    print ""
    missing = 0
    for (i = 1; i <= 3; i++) {
        backend = backends[i]
        line(backend ", tests", backend)
        line(backend ", W3C cases", "w3c " backend)
        if (!n[backend, "passed"]) { print backend ": no test ran"; missing++ }
        if (!n["w3c " backend, "passed"]) { print backend ": the W3C suites are absent"; missing++ }
    }
    line("test doubles", "doubles")
    if (!n["doubles", "passed"]) { print "test doubles: no test ran"; missing++ }
    if (status != 0 && !n["all", "failed"]) print "cargo failed before or beside the tests, see above"
    failed = (status != 0 || n["all", "failed"] > 0 || n["all", "passed"] == 0)
    if (ci == "true" && missing) { print "CI: an absent backend or suite is a failure"; failed = 1 }
    printf "%d passed, %d failed, %d skipped\n", n["all", "passed"], n["all", "failed"], n["all", "skipped"]
    exit failed
}
