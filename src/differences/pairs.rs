//! What is live in two derivations of one log, thing by thing.
//!
//! Two derivations may have met the facts in other batches, so that ids differ where content does
//! not. So what is equal is set aside first, whatever its id; of the rest, what has one id is one
//! thing, then what is told by the same observations, or hangs on such a session.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, anyhow};
use schemas::AnyRecord;
use stream_embedded::EmbeddedReader;
use stream_log::Offset;

use super::{Change, Difference, Differences};
use crate::verify::facts::{Facts, Standing};

/// One derivation: what is live in it, and the log that has the records.
#[derive(Clone, Copy)]
pub(crate) struct Side<'s> {
    pub(crate) facts: &'s Facts,
    pub(crate) reader: &'s EmbeddedReader,
}

#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) athletes: u64,
    pub(crate) differing: BTreeSet<String>,
    pub(crate) differences: Differences,
    /// Advice for the time to come that would be withdrawn.
    pub(crate) withdrawn: u64,
}

/// A thing that differs, with its record.
struct Thing<'s> {
    id: &'s str,
    record: AnyRecord,
    members: BTreeSet<String>,
}

type ByKind<'s> = BTreeMap<&'static str, Vec<Standing<'s>>>;

/// Of the athletes that are wanted. `now` is the end of the log.
pub(crate) fn compare(
    live: Side<'_>,
    again: Side<'_>,
    now: i64,
    wanted: &dyn Fn(&str) -> bool,
    compared: &mut Compared,
) -> anyhow::Result<()> {
    let mut athletes: BTreeMap<&str, [ByKind<'_>; 2]> = BTreeMap::new();
    for (side, facts) in [live.facts, again.facts].into_iter().enumerate() {
        for one in facts.standing().filter(|one| wanted(one.athlete)) {
            let sides = athletes.entry(one.athlete).or_default();
            if let Some(kinds) = sides.get_mut(side) {
                kinds.entry(one.kind).or_default().push(one);
            }
        }
    }
    for (athlete, [mut was, mut is]) in athletes {
        compared.athletes += 1;
        let mut sessions = BTreeMap::new();
        let kinds: BTreeSet<&'static str> = was.keys().chain(is.keys()).copied().collect();
        // Sessions first: others hang on them.
        let others = kinds.iter().filter(|kind| **kind != SESSION);
        for kind in kinds.get(SESSION).into_iter().chain(others) {
            let (mut was, mut is) = (
                was.remove(kind).unwrap_or_default(),
                is.remove(kind).unwrap_or_default(),
            );
            equal(&mut was, &mut is, &mut sessions);
            if was.is_empty() && is.is_empty() {
                continue;
            }
            let pairs = paired(things(live, was)?, things(again, is)?, &mut sessions);
            compared.differing.insert(athlete.to_owned());
            for (was, is) in pairs {
                compared.add(athlete, kind, was.as_ref(), is.as_ref(), now)?;
            }
        }
    }
    Ok(())
}

const SESSION: &str = "session";

/// Ids of sessions in one derivation, by those in the other.
type Sessions<'s> = BTreeMap<&'s str, &'s str>;

/// Takes away what stands in both: of one id first, then whatever its id.
fn equal<'s>(was: &mut Vec<Standing<'s>>, is: &mut Vec<Standing<'s>>, ids: &mut Sessions<'s>) {
    let mut others: BTreeMap<&str, Standing<'s>> = is.drain(..).map(|one| (one.id, one)).collect();
    was.retain(|one| {
        let other = others.get(one.id);
        let same = other.is_some_and(|other| other.content == one.content);
        if same {
            others.remove(one.id);
        }
        !same
    });
    is.extend(others.into_values());
    was.retain(|one| {
        let Some(found) = is.iter().position(|other| other.content == one.content) else {
            return true;
        };
        let other = is.remove(found);
        if one.kind == SESSION {
            ids.insert(one.id, other.id);
        }
        false
    });
}

fn things<'s>(side: Side<'s>, standing: Vec<Standing<'s>>) -> anyhow::Result<Vec<Thing<'s>>> {
    let read = |one: Standing<'s>| {
        let record = record_at(side.reader, one.at)?;
        let members = members(&record);
        Ok(Thing {
            id: one.id,
            record,
            members,
        })
    };
    standing.into_iter().map(read).collect()
}

/// A fact by its place.
pub(crate) fn record_at(reader: &EmbeddedReader, at: Offset) -> anyhow::Result<AnyRecord> {
    let stored = reader.at(at)?;
    let stored = stored.ok_or_else(|| anyhow!("record {} is not in the log", at.0))?;
    schemas::decode_any(&stored.sequenced.record.value)
        .with_context(|| format!("record {} cannot be read", at.0))
}

fn members(record: &AnyRecord) -> BTreeSet<String> {
    let members = match record {
        AnyRecord::SessionRevised(session) => &session.members,
        AnyRecord::NightRevised(night) => &night.members,
        _ => return BTreeSet::new(),
    };
    let ids = members.iter().map(|member| member.observation_id.clone());
    ids.collect()
}

type Pair<'s> = (Option<Thing<'s>>, Option<Thing<'s>>);

fn paired<'s>(
    was: Vec<Thing<'s>>,
    mut is: Vec<Thing<'s>>,
    ids: &mut Sessions<'s>,
) -> Vec<Pair<'s>> {
    let mut pairs = Vec::new();
    let mut rest = Vec::new();
    for one in was {
        match is.iter().position(|other| other.id == one.id) {
            Some(found) => pairs.push((Some(one), Some(is.remove(found)))),
            None => rest.push(one),
        }
    }
    for one in rest {
        let name = anchor(&one.record, |id| ids.get(id).copied().unwrap_or(id));
        let alike = |other: &Thing<'_>| {
            let shared = one.members.intersection(&other.members).count();
            let named = name.is_some() && name == anchor(&other.record, |id| id);
            shared + usize::from(named)
        };
        let best = (0..is.len())
            .filter_map(|at| Some((alike(is.get(at)?), at)))
            .filter(|(alike, _)| *alike > 0)
            .max_by_key(|(alike, at)| (*alike, std::cmp::Reverse(*at)));
        pairs.push((Some(one), best.map(|(_, found)| is.remove(found))));
    }
    pairs.extend(is.into_iter().map(|new| (None, Some(new))));
    for (was, is) in &pairs {
        if let (Some(was), Some(is)) = (was, is)
            && matches!(was.record, AnyRecord::SessionRevised(_))
        {
            ids.insert(was.id, is.id);
        }
    }
    pairs
}

/// What a loss or advice hangs on, by the ids of the other derivation.
fn anchor<'r>(
    record: &'r AnyRecord,
    named: impl Fn(&'r str) -> &'r str,
) -> Option<(&'r str, &'r str)> {
    match record {
        AnyRecord::SweatLossEstimated(loss) => Some((named(&loss.session_id), "")),
        AnyRecord::RecommendationIssued(issued) => {
            Some((named(&issued.advice.anchor_id), &issued.advice.phase))
        }
        AnyRecord::RecommendationExpired(expired) => {
            Some((named(&expired.advice.anchor_id), &expired.advice.phase))
        }
        _ => None,
    }
}

impl Compared {
    fn add(
        &mut self,
        athlete: &str,
        kind: &'static str,
        was: Option<&Thing<'_>>,
        is: Option<&Thing<'_>>,
        now: i64,
    ) -> anyhow::Result<()> {
        let change = match (was, is) {
            (_, None) => Change::Retracted,
            (None, _) => Change::New,
            _ => Change::Revised,
        };
        let regrouped = kind == SESSION && was.map(|was| &was.members) != is.map(|is| &is.members);
        if change == Change::Retracted
            && let Some(AnyRecord::RecommendationIssued(issued)) = was.map(|was| &was.record)
        {
            self.withdrawn += u64::from(issued.advice.valid_until.0 > now);
        }
        self.differences.add(&Difference {
            kind,
            athlete,
            id: was.or(is).map_or("", |one| one.id),
            change,
            regrouped,
            before: was.map(|was| &was.record),
            after: is.map(|is| &is.record),
        })
    }
}
