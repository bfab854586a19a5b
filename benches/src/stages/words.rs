//! The words of the network. In flows nothing, out flow lists. Always holds: the earlier in its list, the more frequent.

/// Languages of labels and texts.
pub(super) const LANGUAGES: [&str; 5] = ["en", "de", "fr", "pt-br", "ja"];

#[rustfmt::skip]
pub(super) const GIVEN_NAMES: [&str; 40] = [
    "Ada", "Bruno", "Cora", "Dario", "Edith", "Florian", "Greta", "Hamid", "Ilse", "Jakob", "Katya", "Lino", "Mira",
    "Nils", "Odile", "Piotr", "Quirin", "Rosa", "Samir", "Tilda", "Ugo", "Vera", "Wim", "Xenia", "Yara", "Zeno",
    "Anouk", "Benno", "Chiara", "Désiré", "Elif", "Fumiko", "Gaël", "Hedda", "Ines", "João", "Kaja", "Léa", "Màrius",
    "Noor",
];

#[rustfmt::skip]
pub(super) const FAMILY_NAMES: [&str; 48] = [
    "Albers", "Brandt", "Castel", "Dorn", "Eklund", "Farkas", "Gomes", "Haas", "Iversen", "Jansen", "Keller", "Lang",
    "Marek", "Nagel", "Orsini", "Paz", "Quist", "Reuter", "Sand", "Thorne", "Ulm", "Vidal", "Winter", "Xavier",
    "Ybarra", "Zander", "Abadi", "Blum", "Corti", "Duval", "Engel", "Falk", "Grimaldi", "Holt", "Ivens", "Juarez",
    "Kern", "Lozano", "Moss", "Norén", "Okafor", "Prévost", "Rask", "Stein", "Toth", "Unger", "Vogt", "Zieliński",
];

#[rustfmt::skip]
pub(super) const WORDS: [&str; 160] = [
    "the", "a", "of", "and", "in", "to", "with", "on", "stage", "play", "light", "scene", "voice", "night", "act",
    "house", "evening", "actor", "role", "audience", "story", "music", "silence", "dance", "mask", "curtain", "city",
    "winter", "garden", "mirror", "letter", "king", "queen", "servant", "stranger", "daughter", "brother", "ghost",
    "river", "storm", "bridge", "tower", "island", "station", "kitchen", "window", "door", "stair", "cellar", "attic",
    "opening", "rehearsal", "costume", "painted", "empty", "crowded", "slow", "quick", "bitter", "gentle", "loud",
    "bright", "dark", "golden", "broken", "hidden", "forgotten", "final", "first", "second", "third", "comic",
    "tragic", "strange", "simple", "brave", "tired", "young", "old", "modern", "applause", "laughter", "tears",
    "whisper", "shout", "song", "chorus", "orchestra", "violin", "drum", "piano", "horn", "verse", "prose",
    "monologue", "dialogue", "prologue", "epilogue", "pause", "gesture", "shadow", "spotlight", "backdrop", "rope",
    "trapdoor", "balcony", "gallery", "box", "row", "seat", "ticket", "programme", "poster", "critic", "director",
    "author", "prompter", "understudy", "ensemble", "company", "troupe", "festival", "season", "premiere", "revival",
    "adaptation", "translation", "censor", "scandal", "triumph", "failure", "debut", "farewell", "journey", "exile",
    "harbour", "market", "forest", "mountain", "desert", "palace", "prison", "hospital", "school", "wedding",
    "funeral", "duel", "feast", "trial", "wager", "oath", "secret", "dream", "memory", "promise", "ruin", "lantern",
    "clockwork", "labyrinth", "carousel",
];
