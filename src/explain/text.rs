//! An explanation as a short story: what it is, who won and who lost and why, and at the end of each
//! branch where the bytes are.

mod tree;

use serde_json::Value;
use sinks_api::dto::{
    Coded, DependencyExplained, FieldExplained, LoserTold, LossExplained, ObservationExplained,
    Place, ProfileExplained, RawExplained, RecommendationExplained, SessionExplained,
};

use super::quantity::{name_without_unit, with_unit};
use super::words;
use tree::Tree;

/// Characters of a raw body that a line shows.
const BODY_CHARS_MAX: usize = 100;
/// Characters of a record's name that a field shows; the list of who told has all of it.
const ID_CHARS_MAX: usize = 12;

pub(super) fn session(session: &SessionExplained) -> String {
    let mut tree = Tree::new();
    put_session(&mut tree, session);
    tree.finish()
}

pub(super) fn loss(loss: &LossExplained) -> String {
    let mut tree = Tree::new();
    put_loss(&mut tree, loss);
    tree.finish()
}

pub(super) fn recommendation(issued: &RecommendationExplained) -> String {
    let mut tree = Tree::new();
    let state = if issued.status != "live" {
        format!(
            "cancelled ({})",
            reason_or_unknown(issued.reason.as_deref())
        )
    } else if issued.late {
        "never given: the facts came when its time was over".to_owned()
    } else if issued.expired_at.is_some() {
        "its time is over".to_owned()
    } else {
        "stands".to_owned()
    };
    tree.line(format!(
        "Recommendation {} version {}: {}; {state}.",
        issued.slot, issued.version, issued.phase.in_words
    ));
    if issued.latest_version != issued.version {
        tree.line(format!(
            "Version {} has taken its place.",
            issued.latest_version
        ));
    }
    if let (Some(from), Some(until)) = (&issued.valid_from, &issued.valid_until) {
        tree.line(format!(
            "It is for {} until {}.",
            moment(from),
            moment(until)
        ));
    }
    tree.line(recorded(
        issued.recorded.as_ref(),
        issued.past_retention,
        &issued.rules_id,
    ));
    put_needs(&mut tree, issued);
    put_reasons(&mut tree, issued);
    put_portions(&mut tree, &issued.schedule);
    put_options(&mut tree, &issued.options);
    put_coded(
        &mut tree,
        "Safety rules that lowered or stopped it",
        &issued.safety,
    );
    put_coded(&mut tree, "Mind", &issued.flags);
    tree.within("It was computed from", |tree| {
        for needed in &issued.depends_on {
            put_dependency(tree, needed);
        }
    });
    tree.finish()
}

fn put_session(tree: &mut Tree, session: &SessionExplained) {
    if let Some(asked) = &session.asked_for {
        tree.line(format!(
            "Session {asked} was found to be the same workout as {}, which is explained here.",
            session.session_id
        ));
    }
    let sport = session.sport.as_deref().unwrap_or("workout");
    let sport = sport.replace('_', " ");
    tree.line(format!(
        "Session {}: {sport} of {}, {} to {}, revision {}.",
        session.session_id,
        session.athlete_id,
        moment(&session.start),
        moment(&session.end),
        session.revision
    ));
    if session.status != "live" {
        let why = reason_or_unknown(session.reason.as_deref());
        tree.line(format!(
            "It was withdrawn ({why}); below is what it said last."
        ));
    }
    tree.line(recorded(
        session.recorded.as_ref(),
        session.past_retention,
        &session.rules_id,
    ));
    tree.within("Fields", |tree| {
        for field in &session.fields {
            put_field(tree, field);
        }
    });
    tree.within("Told by", |tree| {
        for member in &session.members {
            put_observation(tree, member);
        }
    });
    tree.within("May be the same workout as", |tree| {
        for suspect in &session.candidates {
            tree.line(format!(
                "session {}: {}",
                suspect.session_id, suspect.in_words
            ));
        }
    });
}

fn put_field(tree: &mut Tree, field: &FieldExplained) {
    let shown = |value: &Value| with_unit(&field.field, value);
    let (same, other): (Vec<&LoserTold>, Vec<&LoserTold>) = field
        .losers
        .iter()
        .partition(|loser| loser.reason == words::SAME_VALUE);
    let same: Vec<String> = same
        .iter()
        .map(|loser| named(&loser.source, &loser.provider_id))
        .collect();
    let same = if same.is_empty() {
        String::new()
    } else {
        format!("; so {}", same.join(" and "))
    };
    let rule = words::rule(&field.rule);
    let Some(winner) = &field.winner else {
        tree.line(format!("{}: {rule}", field.field));
        return;
    };
    let head = format!(
        "{} {}: {}, {rule}{same}",
        field.field,
        shown(&field.value),
        named(&winner.source, &winner.provider_id)
    );
    tree.node(head, |tree| {
        for loser in other {
            tree.line(format!(
                "not {}: {}, {}",
                shown(&loser.value),
                named(&loser.source, &loser.provider_id),
                words::lost(&loser.reason)
            ));
        }
    });
}

/// A source with as much of its record's name as tells it from the others.
fn named(source: &str, provider_id: &str) -> String {
    let short: String = provider_id.chars().take(ID_CHARS_MAX).collect();
    let cut = if short.len() < provider_id.len() {
        "…"
    } else {
        ""
    };
    format!("{source} {short}{cut}")
}

/// Whose recording it is, where the source says so.
fn told_with(content: &Value) -> String {
    let parts = ["device", "writer"].iter();
    let known: Vec<&str> = parts
        .filter_map(|name| content.get(*name)?.as_str())
        .collect();
    if known.is_empty() {
        String::new()
    } else {
        format!(" ({})", known.join(", "))
    }
}

fn put_observation(tree: &mut Tree, told: &ObservationExplained) {
    let gone = if told.deleted {
        ", taken back since"
    } else {
        ""
    };
    let kind = told.kind.as_deref().unwrap_or("not in the log any more");
    let head = format!(
        "{} {}, {}{gone}: {}{}, observation {}",
        told.source,
        told.provider_id,
        words::role(&told.role),
        kind.replace('_', " "),
        told_with(&told.content),
        told.observation_id
    );
    tree.node(head, |tree| {
        for one in &told.told {
            let channel = if one.channel == "summary" {
                ""
            } else {
                "its samples: "
            };
            match &one.raw {
                Some(raw) => put_raw(tree, channel, raw),
                None => tree.line(format!(
                    "{channel}recorded at {}, its raw record was not found",
                    one.recorded.offset
                )),
            }
        }
    });
}

fn put_raw(tree: &mut Tree, channel: &str, raw: &RawExplained) {
    let head = format!(
        "{channel}raw {} of {} bytes, received {}, {} partition {} offset {}",
        raw.kind,
        raw.body_bytes,
        moment(&raw.received_at),
        raw.topic,
        raw.partition,
        raw.offset
    );
    tree.node(head, |tree| match &raw.excerpt {
        Some(text) => tree.line(first_chars(text)),
        None => tree.line(format!("no text; SHA-256 {}", raw.body_sha256)),
    });
}

fn put_loss(tree: &mut Tree, loss: &LossExplained) {
    tree.line(format!(
        "Sweat loss {}: {} of {}, revision {}.",
        loss.loss_id,
        with_unit("fluid_ml", &loss.fluid_ml),
        loss.athlete_id,
        loss.revision
    ));
    if loss.status != "live" {
        let why = reason_or_unknown(loss.reason.as_deref());
        tree.line(format!(
            "It was withdrawn ({why}); below is what it said last."
        ));
    }
    tree.line(recorded(
        loss.recorded.as_ref(),
        loss.past_retention,
        &loss.rules_id,
    ));
    tree.line(format!("Estimated {}.", loss.method.in_words));
    tree.line(format!(
        "Rate {}; sodium {}.",
        with_unit("sweat_rate_l_per_h", &loss.sweat_rate_l_per_h),
        sodium(loss)
    ));
    tree.line(format!("Air: {}.", conditions(&loss.conditions)));
    put_coded(tree, "Mind", &loss.flags);
    put_evidence(tree, &loss.evidence);
    if let Some(session) = &loss.session {
        tree.within("Lost in", |tree| put_session(tree, session));
    }
}

/// Amount and concentration; unknown is said once.
fn sodium(loss: &LossExplained) -> String {
    let amount = with_unit("sodium_mg", &loss.sodium_mg);
    if loss.sodium_mmol_per_l.is_null() {
        return amount;
    }
    let concentration = with_unit("sodium_mmol_per_l", &loss.sodium_mmol_per_l);
    format!("{amount}, at {concentration}")
}

fn put_profile(tree: &mut Tree, profile: &ProfileExplained) {
    tree.line(format!(
        "Profile of {}, revision {}: sweats {} times what people in general do; {} ({} tests).",
        profile.athlete_id,
        profile.revision,
        with_unit("", &profile.sweat_rate_multiplier),
        profile.advice.in_words,
        profile.tests
    ));
    put_evidence(tree, &profile.evidence);
}

fn put_evidence(tree: &mut Tree, evidence: &[ObservationExplained]) {
    tree.within("Evidence", |tree| {
        for told in evidence {
            put_observation(tree, told);
        }
    });
}

fn put_dependency(tree: &mut Tree, needed: &DependencyExplained) {
    let later = match (needed.revision, needed.latest_revision) {
        (Some(used), Some(latest)) if used != latest => {
            format!("; revision {latest} came after the advice, which used {used}")
        }
        _ => String::new(),
    };
    let head = format!("{}{later}", needed.kind.replace('_', " "));
    if let Some(session) = &needed.session {
        tree.within(head, |tree| put_session(tree, session));
    } else if let Some(loss) = &needed.sweat_loss {
        tree.within(head, |tree| put_loss(tree, loss));
    } else if let Some(profile) = &needed.profile {
        tree.within(head, |tree| put_profile(tree, profile));
    } else if let Some(plan) = &needed.plan {
        tree.within(head, |tree| put_observation(tree, plan));
    } else {
        tree.line(format!("{}, of which the store has nothing", needed.id));
    }
}

fn put_needs(tree: &mut Tree, issued: &RecommendationExplained) {
    tree.within("Needs", |tree| {
        for (name, need) in issued.needs.as_object().into_iter().flatten() {
            let target = need.get("target").unwrap_or(need);
            if target.is_null() {
                continue;
            }
            let mut text = format!("{} {}", name_without_unit(name), with_unit(name, target));
            for (word, bound) in [("from", "lo"), ("to", "hi"), ("at most", "max")] {
                let value = need.get(bound).filter(|value| !value.is_null());
                // A band that ends at its target says nothing; a maximum is always worth its words.
                if let Some(value) = value.filter(|value| *value != target || bound == "max") {
                    text.push_str(&format!(", {word} {}", with_unit(name, value)));
                }
            }
            tree.line(text);
        }
    });
}

fn put_reasons(tree: &mut Tree, issued: &RecommendationExplained) {
    tree.within("Because", |tree| {
        for reason in &issued.reasons {
            let sources = if reason.evidence.is_empty() {
                String::new()
            } else {
                format!(" [{}]", reason.evidence.join(", "))
            };
            tree.line(format!("{}{sources}", reason.in_words));
        }
        if let Some(gap) = &issued.gap_class {
            tree.line(gap.in_words.clone());
        }
    });
}

fn put_portions(tree: &mut Tree, schedule: &Value) {
    tree.within("Portions", |tree| {
        for portion in schedule.as_array().into_iter().flatten() {
            let at = portion
                .get("at")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let amounts = portion.as_object().into_iter().flatten();
            let amounts: Vec<String> = amounts
                .filter(|(name, amount)| name.as_str() != "at" && amount.as_i64() > Some(0))
                .map(|(name, amount)| {
                    format!("{} {}", name_without_unit(name), with_unit(name, amount))
                })
                .collect();
            tree.line(format!("{}: {}", moment(at), amounts.join(", ")));
        }
    });
}

fn put_options(tree: &mut Tree, options: &Value) {
    let all = options.as_array().map(Vec::as_slice).unwrap_or_default();
    tree.within("Baskets", |tree| {
        for option in all {
            let text = |item: &Value, name: &str| {
                item.get(name)
                    .and_then(Value::as_str)
                    .unwrap_or("?")
                    .to_owned()
            };
            let items = option.get("items").and_then(Value::as_array);
            let items: Vec<String> = items
                .into_iter()
                .flatten()
                .map(|item| {
                    let servings = item.get("servings").cloned().unwrap_or_default();
                    format!("{servings} × {}", text(item, "catalog_id"))
                })
                .collect();
            let totals = option.get("totals").and_then(Value::as_object);
            let totals: Vec<String> = totals
                .into_iter()
                .flatten()
                .filter_map(|(name, need)| Some((name, need.get("target")?)))
                .map(|(name, sum)| format!("{} {}", name_without_unit(name), with_unit(name, sum)))
                .collect();
            tree.within(
                format!("{} = {}", items.join(" + "), totals.join(", ")),
                |tree| {
                    let unmet = option.get("unmet").and_then(Value::as_array);
                    for one in unmet.into_iter().flatten() {
                        let nutrient = text(one, "nutrient");
                        let short = one.get("short").cloned().unwrap_or_default();
                        tree.line(format!(
                            "{} short by {} ({})",
                            name_without_unit(&nutrient),
                            with_unit(&nutrient, &short),
                            text(one, "reason")
                        ));
                    }
                },
            );
        }
    });
}

fn put_coded(tree: &mut Tree, head: &str, codes: &[Coded]) {
    tree.within(head, |tree| {
        for coded in codes {
            tree.line(format!("{} ({})", coded.in_words, coded.code));
        }
    });
}

fn conditions(conditions: &Value) -> String {
    let known = conditions.as_object().into_iter().flatten();
    let known: Vec<String> = known
        .filter(|(name, value)| !value.is_null() && name.as_str() != "source")
        .map(|(name, value)| format!("{} {}", name_without_unit(name), with_unit(name, value)))
        .collect();
    match conditions.get("source").and_then(Value::as_str) {
        Some("none") | None if known.is_empty() => "unknown".to_owned(),
        Some("none") | None => format!("{}, weather unknown", known.join(", ")),
        Some(source) => format!("{} ({source})", known.join(", ")),
    }
}

fn recorded(place: Option<&Place>, past_retention: bool, rules_id: &str) -> String {
    let missing = match past_retention {
        true => "past retention: removed from the log, as are records of the sources",
        false => "not found in the log",
    };
    let at = place.map_or_else(
        || missing.to_owned(),
        |place| {
            let cause = place.cause.as_deref().unwrap_or("nothing that came in");
            format!(
                "{} partition {} offset {}, caused by {cause}",
                place.topic, place.partition, place.offset
            )
        },
    );
    format!("Recorded: {at}; rules {rules_id}.")
}

fn reason_or_unknown(reason: Option<&str>) -> String {
    reason.map_or_else(
        || "why is unknown".to_owned(),
        |word| word.replace('_', " "),
    )
}

/// An instant for people: no `T`, no parts of a second.
fn moment(instant: &str) -> String {
    let whole = instant.split('.').next().unwrap_or(instant);
    format!("{} UTC", whole.trim_end_matches('Z').replace('T', " "))
}

/// The beginning of a body, on one line.
fn first_chars(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(BODY_CHARS_MAX)
        .collect();
    if text.chars().nth(BODY_CHARS_MAX).is_some() && !shown.ends_with('…') {
        shown.push('…');
    }
    shown
}
