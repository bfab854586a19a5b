//! Writes `data/museum.nq`, the sample data of this project: an invented museum.
//!
//! What flows in: nothing. What flows out: N-Quads on standard output. What always holds: every run writes the same
//! bytes; a test compares them with the committed file.
//!
//! ```text
//! cargo run -p quadrille-io --example write_museum > data/museum.nq
//! ```

use oxrdf::vocab::{rdf, rdfs, xsd};
use oxrdf::{BlankNode, GraphName, Literal, NamedNode, NamedNodeRef, NamedOrBlankNode, Quad, Term};
use quadrille_io::generate::Random;
use quadrille_io::{DumpError, QuadWriter, RdfFormat};
use std::io::Write;

const ARTISTS: usize = 40;
const ARTWORKS: usize = 176;
const ROOMS: usize = 18;
const LENDERS: usize = 9;
const EXHIBITIONS: usize = 12;
const LOANS: usize = 48;
const VISITING_DAYS: usize = 62;

fn main() -> Result<(), DumpError> {
    write_museum(std::io::stdout().lock()).map(drop)
}

/// Writes the whole museum as N-Quads.
pub fn write_museum<W: Write>(writer: W) -> Result<W, DumpError> {
    let mut writer = QuadWriter::new(RdfFormat::NQuads, writer, &[])?;
    for quad in Museum::build() {
        writer.write(quad.as_ref())?;
    }
    writer.finish()
}

/// A motif in English, German, French and Japanese.
const MOTIFS: [[&str; 4]; 16] = [
    ["Harbour", "Hafen", "Port", "港"],
    ["Orchard", "Obstgarten", "Verger", "果樹園"],
    ["Bridge", "Brücke", "Pont", "橋"],
    ["Mill", "Mühle", "Moulin", "風車"],
    ["Market", "Markt", "Marché", "市場"],
    ["Lighthouse", "Leuchtturm", "Phare", "灯台"],
    ["Garden", "Garten", "Jardin", "庭"],
    ["River", "Fluss", "Rivière", "川"],
    ["Mountain", "Berg", "Montagne", "山"],
    ["Forest", "Wald", "Forêt", "森"],
    ["Ferry", "Fähre", "Bac", "渡し船"],
    ["Vineyard", "Weinberg", "Vigne", "葡萄畑"],
    ["Lake", "See", "Lac", "湖"],
    ["Street", "Straße", "Rue", "通り"],
    ["Station", "Bahnhof", "Gare", "駅"],
    ["Village", "Dorf", "Village", "村"],
];

/// A setting in the same languages.
const SETTINGS: [[&str; 4]; 10] = [
    ["at Dawn", "im Morgengrauen", "à l’aube", "夜明け"],
    ["in Winter", "im Winter", "en hiver", "冬"],
    [
        "after the Rain",
        "nach dem Regen",
        "après la pluie",
        "雨上がり",
    ],
    ["by Moonlight", "bei Mondschein", "au clair de lune", "月夜"],
    ["in Fog", "im Nebel", "dans la brume", "霧"],
    ["at Noon", "am Mittag", "à midi", "真昼"],
    ["in Spring", "im Frühling", "au printemps", "春"],
    [
        "before the Storm",
        "vor dem Sturm",
        "avant l’orage",
        "嵐の前",
    ],
    ["at Dusk", "in der Dämmerung", "au crépuscule", "夕暮れ"],
    ["in Snow", "im Schnee", "sous la neige", "雪"],
];

#[rustfmt::skip]
const GIVEN_NAMES: [&str; 20] = [
    "Adela", "Bruno", "Clara", "Dagny", "Emil", "Fiona", "Gaspard", "Hana", "Ivo", "Jadwiga", "Kaito", "Leonor",
    "Matthias", "Nadia", "Oskar", "Paulina", "Rosa", "Søren", "Tomás", "Vera",
];

#[rustfmt::skip]
const FAMILY_NAMES: [&str; 20] = [
    "Albrecht", "Bergström", "Castell", "Dubois", "Eriksen", "Ferrante", "Grünwald", "Horvat", "Ishikawa",
    "Janssen", "Kowalska", "Lindqvist", "Marchetti", "Nováková", "Oliveira", "Pereira", "Rasmussen", "Sorel",
    "Tanaka", "Weiss",
];

#[rustfmt::skip]
const TOWNS: [&str; 12] = [
    "Aarhus", "Bruges", "Coimbra", "Dresden", "Ghent", "Graz", "Kraków", "Lyon", "Nara", "Porto", "Siena", "Zürich",
];

const MATERIALS: [[&str; 3]; 6] = [
    ["oil on canvas", "Öl auf Leinwand", "huile sur toile"],
    ["watercolour", "Aquarell", "aquarelle"],
    ["charcoal on paper", "Kohle auf Papier", "fusain sur papier"],
    ["etching", "Radierung", "eau-forte"],
    ["tempera on panel", "Tempera auf Holz", "tempera sur bois"],
    ["bronze", "Bronze", "bronze"],
];

/// Classes and properties: the name, then its label in English and German.
const VOCABULARY: [[&str; 3]; 31] = [
    ["Artwork", "artwork", "Kunstwerk"],
    ["Artist", "artist", "Künstler"],
    ["Room", "room", "Raum"],
    ["Material", "material", "Material"],
    ["Exhibition", "exhibition", "Ausstellung"],
    ["Institution", "institution", "Einrichtung"],
    ["Loan", "loan", "Leihgabe"],
    ["Acquisition", "acquisition", "Erwerbung"],
    ["VisitingDay", "visiting day", "Besuchstag"],
    ["Source", "source", "Quelle"],
    ["creator", "created by", "geschaffen von"],
    ["created", "year of creation", "Entstehungsjahr"],
    ["madeOf", "made of", "Material"],
    ["size", "size", "Maße"],
    ["height", "height in centimetres", "Höhe in Zentimetern"],
    ["width", "width in centimetres", "Breite in Zentimetern"],
    ["inventoryNumber", "inventory number", "Inventarnummer"],
    ["hangsIn", "hangs in", "hängt in"],
    ["floor", "floor", "Stockwerk"],
    ["born", "born", "geboren"],
    ["died", "died", "gestorben"],
    ["birthPlace", "place of birth", "Geburtsort"],
    ["pupilOf", "pupil of", "Schüler von"],
    ["shows", "shows", "zeigt"],
    ["opens", "opens", "beginnt"],
    ["closes", "closes", "endet"],
    ["lends", "lends", "verleiht"],
    ["acquired", "acquired", "erworben"],
    ["price", "price in euro", "Preis in Euro"],
    ["recorded", "recorded at", "erfasst am"],
    ["visitors", "number of visitors", "Zahl der Besucher"],
];

/// A record beside the catalogue: a graph of its own.
struct Record {
    name: &'static str,
    label: &'static str,
    /// It knows works up to this year.
    last_year: i64,
    /// In how many of ten works its year may differ from the catalogue's, and by how much.
    wrong_of_ten: u64,
    years_off: i64,
}

#[rustfmt::skip]
const RECORDS: [Record; 3] = [
    Record { name: "card-index-1931", label: "Card index 1931", last_year: 1931, wrong_of_ten: 4, years_off: 9 },
    Record { name: "auction-records", label: "Auction records", last_year: 2024, wrong_of_ten: 3, years_off: 6 },
    Record { name: "survey-2019", label: "Survey 2019", last_year: 2019, wrong_of_ten: 2, years_off: 25 },
];

/// The quads so far, and the graph into which the next ones go.
struct Museum {
    quads: Vec<Quad>,
    graph: GraphName,
    random: Random,
    years: Vec<i64>,
}

impl Museum {
    fn build() -> Vec<Quad> {
        let mut museum = Self {
            quads: Vec::new(),
            graph: GraphName::DefaultGraph,
            random: Random::new(1893),
            years: Vec::new(),
        };
        museum.vocabulary();
        museum.graph_descriptions();
        museum.graph = graph("catalogue").into();
        museum.rooms_and_materials();
        museum.artists();
        museum.artworks();
        museum.graph = graph("provenance").into();
        museum.acquisitions();
        museum.graph = graph("exhibitions").into();
        museum.institutions();
        museum.exhibitions();
        museum.loans();
        museum.graph = graph("visits").into();
        museum.visits();
        museum.claims();
        museum.quads
    }

    fn add(
        &mut self,
        subject: impl Into<NamedOrBlankNode>,
        predicate: NamedNodeRef<'_>,
        object: impl Into<Term>,
    ) {
        let graph = self.graph.clone();
        self.quads
            .push(Quad::new(subject, predicate, object, graph));
    }

    fn property(
        &mut self,
        subject: &(impl Into<NamedOrBlankNode> + Clone),
        name: &str,
        object: impl Into<Term>,
    ) {
        self.add(subject.clone(), term(name).as_ref(), object);
    }

    fn label(&mut self, subject: &NamedNode, text: impl Into<String>, language: &str) {
        let label = Literal::new_language_tagged_literal_unchecked(text, language);
        self.add(subject.clone(), rdfs::LABEL, label);
    }

    fn is_a(&mut self, subject: &(impl Into<NamedOrBlankNode> + Clone), class: &str) {
        self.add(subject.clone(), rdf::TYPE, term(class));
    }

    fn vocabulary(&mut self) {
        for [name, english, german] in VOCABULARY {
            let subject = term(name);
            let is_class = name.starts_with(|first: char| first.is_ascii_uppercase());
            let class = if is_class { rdfs::CLASS } else { rdf::PROPERTY };
            self.add(subject.clone(), rdf::TYPE, class.into_owned());
            self.label(&subject, english, "en");
            self.label(&subject, german, "de");
        }
    }

    fn graph_descriptions(&mut self) {
        let own = ["catalogue", "provenance", "exhibitions", "visits"];
        for (number, name) in own.into_iter().enumerate() {
            let subject = graph(name);
            self.label(&subject, format!("The museum’s {name}"), "en");
            let recorded = format!("2024-0{}-15T09:30:00Z", number + 1);
            self.property(&subject, "recorded", typed(recorded, xsd::DATE_TIME));
        }
        for record in RECORDS {
            let subject = graph(record.name);
            self.is_a(&subject, "Source");
            self.label(&subject, record.label, "en");
            let recorded = "2024-06-01T12:00:00+02:00";
            self.property(&subject, "recorded", typed(recorded, xsd::DATE_TIME));
        }
    }

    fn rooms_and_materials(&mut self) {
        for number in 0..ROOMS {
            let room = room(number);
            self.is_a(&room, "Room");
            self.label(&room, format!("Room {}", number + 1), "en");
            self.label(&room, format!("Saal {}", number + 1), "de");
            // The basement is floor -1.
            self.property(&room, "floor", integer(number as i64 / 6 - 1));
        }
        for (number, [english, german, french]) in MATERIALS.into_iter().enumerate() {
            let material = material(number);
            self.is_a(&material, "Material");
            self.label(&material, english, "en");
            self.label(&material, german, "de");
            self.label(&material, french, "fr");
        }
    }

    fn artists(&mut self) {
        for number in 0..ARTISTS {
            let artist = artist(number);
            // Each given name comes twice, each time with another family name.
            let given = GIVEN_NAMES[number % 20];
            let family = FAMILY_NAMES[(number * 7 + number / 20 * 3) % 20];
            let name = format!("{given} {family}");
            self.is_a(&artist, "Artist");
            self.add(artist.clone(), rdfs::LABEL, Literal::from(name));
            let born = birth_year(number);
            let town = TOWNS[self.random.below(12) as usize];
            self.property(&artist, "birthPlace", Literal::from(town));
            if number % 5 == 4 {
                self.property(&artist, "born", typed(born.to_string(), xsd::G_YEAR));
            } else {
                let born = self.date_in(born);
                self.property(&artist, "born", born);
                let age = 41 + self.random.below(45) as i64;
                let died = self.date_in(birth_year(number) + age);
                self.property(&artist, "died", died);
            }
            if number >= 8 {
                let teacher = number - 5 - self.random.below(3) as usize;
                self.property(&artist, "pupilOf", self::artist(teacher));
            }
        }
    }

    fn artworks(&mut self) {
        for number in 0..ARTWORKS {
            let artwork = artwork(number);
            self.is_a(&artwork, "Artwork");
            self.titles(number, &artwork);
            // Some artists painted much of the collection, most of them little.
            let creator = (self.random.below(ARTISTS as u64) * self.random.below(ARTISTS as u64)
                / ARTISTS as u64) as usize;
            self.property(&artwork, "creator", artist(creator));
            let year = birth_year(creator) + 22 + self.random.below(38) as i64;
            self.years.push(year);
            self.property(&artwork, "created", typed(year.to_string(), xsd::G_YEAR));
            let inventory = format!("{}.{:03}", 1893 + number / 9, number % 9 * 7 + 1);
            self.property(&artwork, "inventoryNumber", Literal::from(inventory));
            let made_of = self.random.below(6) as usize;
            self.property(&artwork, "madeOf", material(made_of));
            if number % 4 != 3 {
                let hangs_in = self.random.below(ROOMS as u64) as usize;
                self.property(&artwork, "hangsIn", room(hangs_in));
            }
            self.size(number, &artwork);
        }
    }

    fn titles(&mut self, number: usize, artwork: &NamedNode) {
        // 37 has no factor in common with 160, so the first 160 works have a title each.
        let pair = number * 37 % 160;
        let (motif, setting) = (MOTIFS[pair % 16], SETTINGS[pair / 16]);
        let study = match number < 160 {
            true => [""; 4],
            false => [" (study)", " (Studie)", " (étude)", "（習作）"],
        };
        for (at, language) in ["en", "de", "fr"].into_iter().enumerate() {
            let title = format!("{} {}{}", motif[at], setting[at], study[at]);
            self.label(artwork, title, language);
        }
        if number.is_multiple_of(3) {
            let title = format!("{}の{}{}", setting[3], motif[3], study[3]);
            self.label(artwork, title, "ja");
        }
    }

    fn size(&mut self, number: usize, artwork: &NamedNode) {
        let size = blank(format!("size{number}"));
        self.property(artwork, "size", size.clone());
        let (height, width) = (
            self.random.below(1_800) + 150,
            self.random.below(2_400) + 150,
        );
        self.property(&size, "height", decimal(height, 10));
        self.property(&size, "width", decimal(width, 10));
    }

    fn acquisitions(&mut self) {
        for number in 0..ARTWORKS {
            let event = blank(format!("acquisition{number}"));
            self.is_a(&event, "Acquisition");
            self.property(&event, "acquired", artwork(number));
            let year = 1893 + number as i64 / 9 * 6;
            let date = self.date_in(year.max(self.years[number] + 1));
            self.property(&event, "recorded", date);
            if number % 3 != 0 {
                let price = self.random.below(9_000_000) + 12_000;
                self.property(&event, "price", decimal(price, 100));
            } else {
                let note = "Given by the artist’s family.\nThe letter is kept with the work.";
                let note = Literal::new_language_tagged_literal_unchecked(note, "en");
                self.add(event, rdfs::COMMENT, note);
            }
        }
    }

    fn institutions(&mut self) {
        for (number, town) in TOWNS.into_iter().enumerate().take(LENDERS) {
            let lender = lender(number);
            self.is_a(&lender, "Institution");
            self.label(&lender, format!("{town} Museum of Art"), "en");
            self.label(&lender, format!("Musée d’art de {town}"), "fr");
        }
    }

    fn exhibitions(&mut self) {
        for (number, motif) in MOTIFS.into_iter().enumerate().take(EXHIBITIONS) {
            let exhibition = exhibition(number);
            self.is_a(&exhibition, "Exhibition");
            self.label(&exhibition, format!("The {} in Art", motif[0]), "en");
            self.label(&exhibition, format!("{} in der Kunst", motif[1]), "de");
            let opens = format!("20{:02}-0{}-01", 18 + number / 2, number % 2 * 5 + 2);
            let closes = format!("20{:02}-0{}-30", 18 + number / 2, number % 2 * 3 + 5);
            self.property(&exhibition, "opens", typed(opens, xsd::DATE));
            self.property(&exhibition, "closes", typed(closes, xsd::DATE));
            let mut work = self.random.below(13) as usize;
            while work < ARTWORKS {
                self.property(&exhibition, "shows", artwork(work));
                work += 5 + self.random.below(11) as usize;
            }
        }
    }

    fn loans(&mut self) {
        for number in 0..LOANS {
            let loan = iri(format!("loan/{:03}", number + 1));
            self.is_a(&loan, "Loan");
            let lender = lender(self.random.below(LENDERS as u64) as usize);
            self.property(&lender, "lends", loan.clone());
            let exhibition = exhibition(self.random.below(EXHIBITIONS as u64) as usize);
            self.property(&exhibition, "shows", loan.clone());
            let motif = MOTIFS[self.random.below(16) as usize];
            self.label(&loan, format!("{}, on loan", motif[0]), "en");
            let creator = self.random.below(ARTISTS as u64) as usize;
            self.property(&loan, "creator", artist(creator));
        }
    }

    fn visits(&mut self) {
        for number in 0..VISITING_DAYS {
            let day = iri(format!(
                "visits/2023-{:02}-{:02}",
                number / 31 + 7,
                number % 31 + 1
            ));
            self.is_a(&day, "VisitingDay");
            let visitors = 180 + self.random.below(1_400) as i64;
            self.property(&day, "visitors", integer(visitors));
            let closed = format!(
                "2023-{:02}-{:02}T18:{:02}:00+02:00",
                number / 31 + 7,
                number % 31 + 1,
                number % 30
            );
            self.property(&day, "recorded", typed(closed, xsd::DATE_TIME));
        }
    }

    /// What the records say: a year for many works, often not the catalogue's, and now and then another artist.
    fn claims(&mut self) {
        for record in RECORDS {
            self.graph = graph(record.name).into();
            for number in 0..ARTWORKS {
                if self.years[number] > record.last_year || self.random.below(3) == 0 {
                    continue;
                }
                let artwork = artwork(number);
                let mut year = self.years[number];
                if self.random.below(10) < record.wrong_of_ten {
                    year += self.random.below(2 * record.years_off as u64 + 1) as i64
                        - record.years_off;
                }
                self.property(&artwork, "created", typed(year.to_string(), xsd::G_YEAR));
                if self.random.below(9) == 0 {
                    let creator = self.random.below(ARTISTS as u64) as usize;
                    self.property(&artwork, "creator", artist(creator));
                }
            }
        }
    }

    fn date_in(&mut self, year: i64) -> Literal {
        let (month, day) = (self.random.below(12) + 1, self.random.below(28) + 1);
        typed(format!("{year}-{month:02}-{day:02}"), xsd::DATE)
    }
}

fn birth_year(artist: usize) -> i64 {
    1790 + artist as i64 * 4
}

fn iri(path: impl AsRef<str>) -> NamedNode {
    NamedNode::new_unchecked(format!("http://museum.example/{}", path.as_ref()))
}

fn term(name: &str) -> NamedNode {
    iri(format!("vocabulary#{name}"))
}

fn graph(name: &str) -> NamedNode {
    iri(format!("graph/{name}"))
}

fn artist(number: usize) -> NamedNode {
    iri(format!("artist/{:03}", number + 1))
}

fn artwork(number: usize) -> NamedNode {
    iri(format!("artwork/{:04}", number + 1))
}

fn room(number: usize) -> NamedNode {
    iri(format!("room/{}", number + 1))
}

fn material(number: usize) -> NamedNode {
    iri(format!(
        "material/{}",
        MATERIALS[number][0].replace(' ', "-")
    ))
}

fn lender(number: usize) -> NamedNode {
    iri(format!("institution/{}", number + 1))
}

fn exhibition(number: usize) -> NamedNode {
    iri(format!("exhibition/{}", number + 1))
}

fn blank(label: String) -> BlankNode {
    BlankNode::new_unchecked(label)
}

fn typed(value: impl Into<String>, datatype: NamedNodeRef<'_>) -> Literal {
    Literal::new_typed_literal(value, datatype)
}

fn integer(value: i64) -> Literal {
    typed(value.to_string(), xsd::INTEGER)
}

/// `value / unit` as a decimal with as many places as `unit` has zeros.
fn decimal(value: u64, unit: u64) -> Literal {
    let places = unit.ilog10() as usize;
    let text = format!("{}.{:0places$}", value / unit, value % unit);
    typed(text, xsd::DECIMAL)
}
