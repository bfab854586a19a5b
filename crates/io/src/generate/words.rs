//! The words of the generated data.

/// Languages of labels, with the word by which a label in it begins.
pub(super) const LANGUAGES: [(&str, &str); 6] = [
    ("en", "the"),
    ("de", "das"),
    ("fr", "le"),
    ("es", "el"),
    ("pt-br", "o"),
    ("ja", "新しい"),
];

#[rustfmt::skip]
pub(super) const GIVEN_NAMES: [&str; 64] = [
    "Maria", "James", "Anna", "John", "Elena", "Robert", "Sofia", "Michael", "Laura", "David", "Julia", "Thomas",
    "Emma", "Daniel", "Sarah", "Peter", "Clara", "Lucas", "Nina", "Martin", "Alice", "Paul", "Eva", "Simon",
    "Marta", "Jonas", "Irene", "Felix", "Helena", "Oscar", "Teresa", "Hugo", "Olga", "Victor", "Diana", "Leon",
    "Carla", "Adam", "Lucía", "Erik", "Zoë", "Rafael", "Ingrid", "Noah", "Amélie", "Tomás", "Yuki", "André", "Mei",
    "Kofi", "Leila", "Omar", "Priya", "Björn", "Fatima", "Jürgen", "Chloé", "Søren", "Aiko", "Iván", "Naomi",
    "Cyrus", "Wanda", "Ezra",
];

#[rustfmt::skip]
pub(super) const FAMILY_NAMES: [&str; 64] = [
    "Smith", "García", "Müller", "Martin", "Rossi", "Silva", "Johnson", "Kim", "Andersen", "Novak", "Brown",
    "López", "Schmidt", "Bernard", "Ferrari", "Santos", "Lee", "Hansen", "Kowalski", "Jones", "Weber", "Dubois",
    "Costa", "Tanaka", "Nilsson", "Horváth", "Davis", "Fischer", "Moreau", "Ricci", "Oliveira", "Suzuki", "Larsen",
    "Popescu", "Wilson", "Becker", "Laurent", "Greco", "Pereira", "Watanabe", "Berg", "Dvořák", "Taylor",
    "Hoffmann", "Simon", "Conti", "Almeida", "Ito", "Lund", "Petrov", "Clark", "Koch", "Michel", "Bruno", "Ramos",
    "Sato", "Dahl", "Ivanov", "Walker", "Wolf", "Lefèvre", "Gallo", "Ndiaye", "O’Brien",
];

/// English words, the more frequent first.
#[rustfmt::skip]
pub(super) const WORDS: [&str; 256] = [
    "the", "of", "and", "in", "to", "a", "for", "with", "on", "from", "by", "is", "as", "at", "that", "this", "are",
    "new", "between", "under", "study", "data", "system", "model", "analysis", "method", "time", "water", "field",
    "large", "small", "high", "low", "first", "second", "open", "local", "global", "public", "early", "late",
    "modern", "simple", "light", "dark", "green", "red", "blue", "white", "black", "north", "south", "east", "west",
    "river", "mountain", "city", "village", "road", "bridge", "house", "garden", "forest", "lake", "coast",
    "island", "valley", "winter", "summer", "spring", "autumn", "morning", "evening", "night", "history", "culture",
    "language", "music", "paper", "glass", "metal", "wood", "stone", "cotton", "silver", "copper", "iron", "steel",
    "engine", "machine", "network", "signal", "sensor", "energy", "power", "heat", "cold", "wind", "rain", "snow",
    "storm", "cloud", "ocean", "wave", "current", "pressure", "temperature", "growth", "change", "climate",
    "species", "plant", "animal", "bird", "fish", "cell", "protein", "gene", "disease", "health", "patient",
    "treatment", "risk", "cost", "price", "market", "trade", "industry", "company", "worker", "school", "student",
    "teacher", "child", "family", "woman", "man", "people", "group", "member", "state", "country", "region",
    "border", "law", "policy", "election", "party", "leader", "council", "service", "support", "design",
    "structure", "surface", "layer", "volume", "weight", "length", "width", "depth", "speed", "distance",
    "direction", "position", "number", "value", "measure", "scale", "range", "limit", "rate", "ratio", "factor",
    "effect", "cause", "result", "evidence", "theory", "question", "answer", "problem", "solution", "process",
    "product", "material", "resource", "source", "quality", "quantity", "error", "test", "trial", "sample",
    "survey", "report", "record", "archive", "library", "museum", "gallery", "picture", "portrait", "landscape",
    "letter", "journal", "chapter", "section", "page", "line", "word", "sentence", "text", "code", "program",
    "memory", "storage", "index", "query", "graph", "node", "edge", "path", "tree", "table", "column", "row",
    "block", "chain", "ring", "circle", "square", "center", "side", "front", "back", "top", "bottom", "inner",
    "outer", "upper", "lower", "middle", "single", "double", "triple", "common", "rare", "ancient", "recent",
    "future", "possible", "stable", "rapid", "slow", "deep",
];
