//! Names of workouts as Health Auto Export writes them: in the language of the phone.
//!
//! English, German, French and Spanish are read; a name of any other language is another workout
//! than any we know, and is told as it was written. What a name says about the place is read apart,
//! because the same workout is told with and without it, in front and behind.

/// What a name says.
pub(super) struct Named {
    /// HealthKit's own name of the type; empty where nobody knows it.
    pub(super) kind: &'static str,
    pub(super) indoor: Option<bool>,
    pub(super) open_water: Option<bool>,
}

/// Words of the place. Longer ones first, so that none leaves a rest of itself behind.
const PLACES: &[(&str, bool)] = &[
    ("en extérieur", false),
    ("en intérieur", true),
    ("al aire libre", false),
    ("en interiores", true),
    ("en interior", true),
    ("en exterior", false),
    ("innenräume", true),
    ("innenraum", true),
    ("im freien", false),
    ("extérieur", false),
    ("intérieur", true),
    ("en salle", true),
    ("exterior", false),
    ("interior", true),
    ("outdoor", false),
    ("drinnen", true),
    ("draussen", false),
    ("indoor", true),
];

/// Words of the water.
const WATERS: &[(&str, bool)] = &[
    ("aguas abiertas", true),
    ("eau libre", true),
    ("open water", true),
    ("freiwasser", true),
    ("piscine", false),
    ("piscina", false),
    ("becken", false),
    ("pool", false),
];

/// Names without place and water, in lower case, sorted.
const NAMES: &[(&str, &str)] = &[
    ("ausführen", "Running"),
    ("aviron", "Rowing"),
    ("badminton", "Badminton"),
    ("baloncesto", "Basketball"),
    ("barre", "Barre"),
    ("basket-ball", "Basketball"),
    ("basketball", "Basketball"),
    ("bicicleta", "Cycling"),
    ("boxing", "Boxing"),
    ("bádminton", "Badminton"),
    ("caminar", "Walking"),
    ("caminata", "Walking"),
    ("carrera", "Running"),
    ("ciclismo", "Cycling"),
    ("climbing", "Climbing"),
    ("cooldown", "Cooldown"),
    ("core training", "CoreTraining"),
    ("core-training", "CoreTraining"),
    ("correr", "Running"),
    ("course", "Running"),
    ("course à pied", "Running"),
    ("cross country skiing", "CrossCountrySkiing"),
    ("cross training", "CrossTraining"),
    ("crosstrainer", "Elliptical"),
    ("cycle", "Cycling"),
    ("cycling", "Cycling"),
    ("cyclisme", "Cycling"),
    ("dance", "Dance"),
    ("danse", "Dance"),
    ("downhill skiing", "DownhillSkiing"),
    ("elliptical", "Elliptical"),
    ("elliptique", "Elliptical"),
    ("elíptica", "Elliptical"),
    ("entrenamiento de fuerza", "TraditionalStrengthTraining"),
    (
        "entrenamiento de fuerza funcional",
        "FunctionalStrengthTraining",
    ),
    (
        "entrenamiento de fuerza tradicional",
        "TraditionalStrengthTraining",
    ),
    (
        "entrenamiento en intervalos de alta intensidad",
        "HighIntensityIntervalTraining",
    ),
    ("escaladora", "StairClimbing"),
    ("fahrrad", "Cycling"),
    ("flexibility", "Flexibility"),
    ("football", "Soccer"),
    ("functional strength training", "FunctionalStrengthTraining"),
    ("funktionales krafttraining", "FunctionalStrengthTraining"),
    ("funktionelles krafttraining", "FunctionalStrengthTraining"),
    ("fussball", "Soccer"),
    ("fútbol", "Soccer"),
    ("gehen", "Walking"),
    ("golf", "Golf"),
    ("hand cycling", "HandCycling"),
    (
        "high intensity interval training",
        "HighIntensityIntervalTraining",
    ),
    ("hiit", "HighIntensityIntervalTraining"),
    ("hike", "Hiking"),
    ("hiking", "Hiking"),
    (
        "hochintensives intervalltraining",
        "HighIntensityIntervalTraining",
    ),
    (
        "intervalles à haute intensité",
        "HighIntensityIntervalTraining",
    ),
    ("jump rope", "JumpRope"),
    ("kickboxing", "Kickboxing"),
    ("krafttraining", "TraditionalStrengthTraining"),
    ("lauf", "Running"),
    ("laufen", "Running"),
    ("marche", "Walking"),
    ("martial arts", "MartialArts"),
    ("mind and body", "MindAndBody"),
    ("mixed cardio", "MixedCardio"),
    ("multisport", "SwimBikeRun"),
    ("musculation", "TraditionalStrengthTraining"),
    ("musculation fonctionnelle", "FunctionalStrengthTraining"),
    ("musculation traditionnelle", "TraditionalStrengthTraining"),
    ("nadar", "Swimming"),
    ("nado", "Swimming"),
    ("natación", "Swimming"),
    ("natation", "Swimming"),
    ("other", "Other"),
    ("paddling", "PaddleSports"),
    ("pickleball", "Pickleball"),
    ("pilates", "Pilates"),
    ("radfahren", "Cycling"),
    ("rameur", "Rowing"),
    ("randonnée", "Hiking"),
    ("remo", "Rowing"),
    ("row", "Rowing"),
    ("rower", "Rowing"),
    ("rowing", "Rowing"),
    ("rudern", "Rowing"),
    ("rugby", "Rugby"),
    ("run", "Running"),
    ("running", "Running"),
    ("schwimmen", "Swimming"),
    ("senderismo", "Hiking"),
    ("ski alpin", "DownhillSkiing"),
    ("ski de fond", "CrossCountrySkiing"),
    ("skilanglauf", "CrossCountrySkiing"),
    ("snowboarding", "Snowboarding"),
    ("soccer", "Soccer"),
    ("spazieren", "Walking"),
    ("spaziergang", "Walking"),
    ("squash", "Squash"),
    ("stair climbing", "StairClimbing"),
    ("stair stepper", "StairClimbing"),
    ("swim", "Swimming"),
    ("swimming", "Swimming"),
    ("table tennis", "TableTennis"),
    ("tai chi", "TaiChi"),
    ("tanzen", "Dance"),
    ("tenis", "Tennis"),
    ("tennis", "Tennis"),
    (
        "traditional strength training",
        "TraditionalStrengthTraining",
    ),
    (
        "traditionelles krafttraining",
        "TraditionalStrengthTraining",
    ),
    ("transition", "Transition"),
    ("treppensteigen", "StairClimbing"),
    ("volleyball", "Volleyball"),
    ("vélo", "Cycling"),
    ("walk", "Walking"),
    ("walking", "Walking"),
    ("wandern", "Hiking"),
    ("yoga", "Yoga"),
];

/// What is no part of a name: `Laufen (Indoor)`, `Outdoor-Lauf`.
const MARKS: [char; 6] = ['(', ')', '-', ',', '.', ':'];

/// What stands in front of a place or a water: `natación en …`, `Schwimmen im …`.
const LEADS: [&str; 4] = ["de", "en", "im", "in"];

pub(super) fn read(name: &str) -> Named {
    let (name, indoor) = without(folded(name), PLACES);
    let (name, open_water) = without(name, WATERS);
    let name = plain(&name);
    let kind = match NAMES.binary_search_by(|row| row.0.cmp(name.as_str())) {
        Ok(index) => NAMES.get(index).map_or("", |row| row.1),
        // "Laps in the pool" may leave nothing but the water.
        Err(_) if name.is_empty() && open_water.is_some() => "Swimming",
        Err(_) => "",
    };
    Named {
        kind,
        indoor,
        open_water: open_water.filter(|_| kind == "Swimming"),
    }
}

/// What a word for a place says, e.g. of the workout's `location`.
pub(super) fn indoor(place: &str) -> Option<bool> {
    without(folded(place), PLACES).1
}

/// In lower case, and as Swiss phones and capitals write it.
fn folded(text: &str) -> String {
    text.to_lowercase().replace('ß', "ss")
}

/// Take out the first of these words, and say what it means.
fn without(name: String, words: &[(&str, bool)]) -> (String, Option<bool>) {
    match words.iter().find(|(word, _)| name.contains(word)) {
        Some((word, meaning)) => (name.replacen(word, " ", 1), Some(*meaning)),
        None => (name, None),
    }
}

/// Single words with single spaces, without marks, and without what led to the place or the water.
fn plain(name: &str) -> String {
    let words = name.split_whitespace();
    let words = words.map(|word| word.trim_matches(MARKS));
    let mut words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    while words.last().is_some_and(|word| LEADS.contains(word)) {
        words.pop();
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use processors_domain::sport;

    use super::*;

    #[test]
    fn every_name_is_found_alone_and_with_a_place_on_either_side() {
        for pair in NAMES.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} before {}", pair[0].0, pair[1].0);
        }
        for (name, kind) in NAMES {
            assert!(sport::healthkit(kind, None, None).known, "{kind}");
            assert_eq!(read(name).kind, *kind, "{name}");
            assert_eq!(read(name).indoor, None, "{name} says nothing of a place");
            for (place, inside) in PLACES {
                for told in [format!("{place} {name}"), format!("{name} ({place})")] {
                    let found = read(&told.to_uppercase());
                    assert_eq!((found.kind, found.indoor), (*kind, Some(*inside)), "{told}");
                }
            }
        }
    }
}
