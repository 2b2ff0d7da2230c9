//! What the codes of the contract mean, in words for people.
//!
//! Vocabularies are open: a code that is not here yet is shown as it is written, with its parameters.

use serde_json::Value;
use sinks_api::Vocabulary;

type Words = &'static [(&'static str, &'static str)];

/// Why a record won a field.
const RULES: Words = &[
    (
        "not_told",
        "nobody told it, or nothing that agrees with the rest",
    ),
    ("only_source", "only this source tells it"),
    (
        "path_rank",
        "its path is nearest to the device that measured",
    ),
    (
        "next_by_rank",
        "the source nearest to the device does not tell it; this is the next",
    ),
    (
        "user_edit",
        "the user changed it by hand, and the last change rules",
    ),
    ("most_specific", "it names the sport most exactly"),
    (
        "confirmed",
        "a copy with the very same length confirms that there was no pause, of which another tells",
    ),
    (
        "pauses_told",
        "it counts the pauses that the other leaves out",
    ),
    (
        "device_fit",
        "its device measures this best, of those that are as near",
    ),
    ("of_span", "the time from the start to the end"),
    ("of_parts", "of all pieces of one recording together"),
];

/// A record that lost only because one had to.
pub(super) const SAME_VALUE: &str = "same_value";

/// Why a record lost a field.
const LOST: Words = &[
    (SAME_VALUE, "tells the same"),
    ("lower_rank", "farther from the device that measured"),
    ("covers_part", "was not there for all of it"),
    ("not_edited", "was not changed by hand"),
    ("less_specific", "names the sport less exactly"),
    ("pauses_untold", "leaves pauses out"),
    ("contradicts", "contradicts what was chosen before"),
];

const CANDIDATES: Words = &[
    (
        "hidden_start",
        "its start is hidden, and it may be this workout of that day",
    ),
    (
        "zone_error",
        "all is alike but the start, and a clock in a wrong zone would explain that",
    ),
    (
        "overlap",
        "both are of one kind of sport at one time, and nobody does two workouts at once",
    ),
];

const ROLES: Words = &[
    ("primary", "told most"),
    ("contributor", "told some fields best"),
    ("duplicate", "told nothing better"),
    ("part", "a piece of the recording"),
    ("leg", "a leg"),
    ("transition", "a transition"),
    ("wrapper", "time in bed around the stages"),
    ("deleted", "taken back"),
    ("evidence", "evidence"),
    ("anchor", "what the advice is for"),
];

const METHODS: Words = &[
    ("weigh_in", "from two weighings"),
    ("patch", "from a sweat patch"),
    ("profile", "from what is known of this athlete"),
    ("model", "from a model of heat and work"),
    (
        "population",
        "from people in general: nothing of this athlete went in",
    ),
    ("fused", "from several methods, weighed against each other"),
];

const LOSS_FLAGS: Words = &[
    ("weather_pending", "the weather is not known yet"),
    ("weather_missing", "nobody could tell the weather"),
    ("humidity_missing", "nobody could tell the humidity"),
    (
        "outside_envelope",
        "outside of what this athlete's tests covered",
    ),
    ("censored", "a reading was at the end of its scale"),
    ("conflict", "two methods contradict each other"),
    ("clothed", "weighed with clothes on"),
    ("unusual", "more or less than most athletes show"),
    ("scan_failed", "the photo of the patch could not be read"),
    (
        "area_assumed",
        "the patch does not tell its area; the configured one was taken",
    ),
    (
        "area_unknown",
        "nobody told the area of the patch, so it gives no rate",
    ),
    (
        "mass_unknown",
        "the body mass is unknown, so the patch gives no rate",
    ),
    (
        "site_unknown",
        "no formula leads from where the patch was worn to the whole body",
    ),
    ("urine_unknown", "nobody said how much urine was passed"),
    (
        "energy_unknown",
        "the energy is unknown, so breath and burnt mass were not taken off",
    ),
    (
        "short",
        "a short session: small errors of the scales weigh much",
    ),
    ("gain", "the athlete gained mass"),
    ("implausible", "a reading was not believed"),
    ("population_only", "nothing of this athlete went in"),
    (
        "sport_unlisted",
        "the sport has no figures of its own; those of all sports stand in",
    ),
];

const NEED_FLAGS: Words = &[
    (
        "CAPPED_BY_RATE",
        "held down to the most that may be drunk in an hour",
    ),
    (
        "DEFICIT_GT_2PCT",
        "more than 2 % of body mass will still be missing at the end",
    ),
    ("NO_DEFICIT", "nothing was lost that has to be replaced"),
    (
        "MASS_GAIN",
        "the athlete gained mass: more was drunk than lost",
    ),
    ("LOW_CONFIDENCE", "the athlete's numbers are unsure"),
    ("UNMET", "no basket of products meets all needs"),
];

const SAFETY: Words = &[
    (
        "S1",
        "fluid during a workout is never more than the predicted loss",
    ),
    (
        "S2",
        "mass was gained during exercise: do not drink more until you pass water or are thirsty; seek help \
         for headache, vomiting or confusion",
    ),
    ("S3", "a symptom was reported: no advice, a hold instead"),
    ("S4", "risk of drinking too much: a lower hourly limit"),
    ("S5", "limits for an hour and for a day"),
    (
        "S6",
        "the measured loss is high: somebody has to look at it; where nothing is advised, see a doctor",
    ),
    (
        "S7",
        "two sessions in the heat close together: never faster drinking than the limit",
    ),
    ("S8", "limits of caffeine"),
    ("S9", "a low-salt condition: no sodium target"),
    (
        "S10",
        "a condition that asks for a practitioner: no target of this kind",
    ),
    ("S11", "pregnancy: no automatic amounts to drink"),
    ("S12", "under 18: no caffeine and no supplements"),
    ("S13", "allergies and certificates are filters"),
    ("S14", "new products are tried in training first"),
    (
        "S15",
        "a number behind it is not plausible: nothing automatic follows from it",
    ),
    ("S16", "medical advice comes first"),
    (
        "S17",
        "never advised: alcohol, pain killers, fasting, water loading, sauna",
    ),
];

const PHASES: Words = &[
    ("pre", "before a workout"),
    ("during", "during a workout"),
    ("bridge", "between two workouts close together"),
    ("post", "after a workout"),
    ("pre_sleep", "before sleep"),
];

const GAPS: Words = &[
    (
        "merged",
        "the next workout follows at once: both count as one",
    ),
    (
        "bridge",
        "the next workout follows so soon that drinking has to bridge it",
    ),
    (
        "rapid",
        "little time to the next workout: refill as fast as is safe",
    ),
    ("fast", "some hours to the next workout: refill soon"),
    ("same_day", "the next workout is on the same day"),
    (
        "supplemental",
        "the next workout is on the next day: meals do most of it",
    ),
    ("independent", "the next workout is far away"),
];

const PROFILE_ADVICE: Words = &[
    ("ok", "known well"),
    ("low_confidence", "known from few tests"),
    ("test_again", "a new test is due"),
];

/// `{name}` is a parameter; its unit ends its name, and the text shows it.
const REASONS: Words = &[
    (
        "DURING_THIRST_ONLY",
        "{duration_min} min are so short that drinking by thirst is enough",
    ),
    (
        "DURING_RATE",
        "drink {ml_per_h} of the {sweat_rate_ml_per_h} that are sweated",
    ),
    (
        "DURING_START_DEFICIT",
        "the workout begins with {deficit_g} missing",
    ),
    ("DURING_CAP", "{ml_per_h} is the most that is safe"),
    (
        "DURING_CARBOHYDRATE",
        "eat {g_per_h} of carbohydrate for the work",
    ),
    ("DURING_SODIUM", "the drink replaces {mg_per_h} of sodium"),
    ("NO_DEFICIT", "nothing is missing: {deficit_g}"),
    (
        "POST_150PCT",
        "the next workout is near: one and a half times the {deficit_g} that are missing",
    ),
    (
        "POST_125PCT",
        "one and a quarter times the {deficit_g} that are missing",
    ),
    ("POST_CAP", "{ml_per_h} is the most that is safe"),
    ("POST_CARBOHYDRATE", "carbohydrate refills what was burnt"),
    ("POST_PROTEIN", "protein for repair"),
    (
        "WITH_NORMAL_MEALS",
        "there is a day of rest: normal meals do the most of it",
    ),
    (
        "PRE_FLUID",
        "drink before the workout, in time to pass what is too much",
    ),
    ("PRE_SLEEP_PROTEIN", "{protein_dg} of protein for the night"),
    ("CASEIN_UNMET", "{casein_dg} of casein are not reached"),
    (
        "GAP_MERGED",
        "{gap_s} to the next workout: both count as one",
    ),
    (
        "GAP_BRIDGE",
        "the next workout follows soon: drink what can be taken in between",
    ),
    (
        "GAP_RAPID",
        "{gap_s} to the next workout: refill as fast as is safe",
    ),
    ("GAP_FAST", "{gap_s} to the next workout: refill soon"),
    (
        "GAP_SAME_DAY",
        "{gap_s} to the next workout, on the same day",
    ),
    (
        "GAP_SUPPLEMENTAL",
        "{gap_s} to the next workout: meals do most of it",
    ),
    (
        "GAP_INDEPENDENT",
        "{gap_s} to the next workout: there is time",
    ),
];

fn find(words: Words, code: &str) -> Option<&'static str> {
    let found = words.iter().find(|(known, _)| *known == code);
    found.map(|(_, text)| *text)
}

/// A code without words: its own, without the marks of code.
fn in_words(words: Words, code: &str) -> String {
    find(words, code).map_or_else(|| code.replace('_', " ").to_lowercase(), str::to_owned)
}

/// Why advice was withdrawn.
const CANCELLED: Words = &[
    ("WORKOUT_DELETED", "the workout it was for was deleted"),
    ("WORKOUT_MOVED", "the workout it was for was moved"),
    (
        "MERGED_WITH_OTHER",
        "the workout it was for turned out to be part of another",
    ),
    ("DUPLICATE_OF", "the workout it was for was told twice"),
    ("SAFETY_HOLD", "a symptom holds advice back"),
    ("PROFILE_CHANGED", "what is known of the athlete changed"),
    ("ATHLETE_DISMISSED", "the athlete dismissed it"),
];

/// By the vocabulary's name.
pub(crate) fn word(vocabulary: Vocabulary, code: &str) -> String {
    match vocabulary {
        Vocabulary::Rule => rule(code),
        Vocabulary::Lost => lost(code),
        Vocabulary::Role => role(code),
        Vocabulary::Method => method(code),
        Vocabulary::Flag => flag(code),
        Vocabulary::NeedFlag => need_flag(code),
        Vocabulary::Safety => safety(code),
        Vocabulary::Phase => phase(code),
        Vocabulary::GapClass => gap_class(code),
        Vocabulary::ProfileAdvice => profile_advice(code),
        Vocabulary::Cancelled => in_words(CANCELLED, code),
    }
}

pub(super) fn rule(code: &str) -> String {
    in_words(RULES, code)
}

pub(super) fn lost(code: &str) -> String {
    in_words(LOST, code)
}

pub(super) fn candidate(code: &str) -> String {
    in_words(CANDIDATES, code)
}

pub(super) fn role(code: &str) -> String {
    in_words(ROLES, code)
}

pub(super) fn method(code: &str) -> String {
    in_words(METHODS, code)
}

pub(super) fn flag(code: &str) -> String {
    in_words(LOSS_FLAGS, code)
}

pub(super) fn need_flag(code: &str) -> String {
    in_words(NEED_FLAGS, code)
}

pub(super) fn safety(code: &str) -> String {
    in_words(SAFETY, code)
}

pub(super) fn phase(code: &str) -> String {
    in_words(PHASES, code)
}

pub(super) fn gap_class(code: &str) -> String {
    in_words(GAPS, code)
}

pub(super) fn profile_advice(code: &str) -> String {
    in_words(PROFILE_ADVICE, code)
}

/// A reason with its parameters. Those that the words do not use follow in brackets.
pub(crate) fn reason(code: &str, params: &Value) -> String {
    let mut text = in_words(REASONS, code);
    let mut left = Vec::new();
    for (name, value) in params.as_object().into_iter().flatten() {
        let place = format!("{{{name}}}");
        let shown = super::quantity::with_unit(name, value);
        if text.contains(&place) {
            text = text.replace(&place, &shown);
        } else {
            let name = super::quantity::name_without_unit(name);
            left.push(format!("{name} {shown}"));
        }
    }
    if !left.is_empty() {
        text.push_str(&format!(" ({})", left.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{METHODS, REASONS, RULES, SAFETY, method, reason};

    #[test]
    fn a_reason_shows_its_numbers_with_their_units() {
        let params = json!({"ml_per_h": 800, "sweat_rate_ml_per_h": 1967});
        assert_eq!(
            reason("DURING_RATE", &params),
            "drink 800 mL/h of the 1967 mL/h that are sweated"
        );
        let params = json!({"protein_dg": 275});
        assert_eq!(
            reason("PRE_SLEEP_PROTEIN", &params),
            "27.5 g of protein for the night"
        );
    }

    #[test]
    fn a_code_without_words_is_shown_with_all_it_says() {
        assert_eq!(
            reason("NEW_REASON", &json!({"lead_min": 90})),
            "new reason (lead 90 min)"
        );
        assert_eq!(method("some_method"), "some method");
    }

    #[test]
    fn a_code_has_one_meaning() {
        for words in [RULES, METHODS, SAFETY, REASONS] {
            let mut codes: Vec<_> = words.iter().map(|(code, _)| *code).collect();
            codes.sort_unstable();
            let all = codes.len();
            codes.dedup();
            assert_eq!(codes.len(), all);
        }
    }
}
