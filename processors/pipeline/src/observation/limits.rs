//! Safety valves: what one athlete may have remembered of one thing, so that no sender can make a day, a
//! head or a search grow without end. Not rules: test worlds stay far below them.

use crate::apply::{id_print, known_day};
use crate::bucket::{Kept, List, day_of};
use crate::identity::DraftNames;
use crate::normalize::{Body, Draft, Rejected};
use crate::work::Work;

/// Observations of a kind on one day.
const OF_A_KIND_MAX: usize = 500;
/// And bytes of them: each kind has its own, so that a flood of one leaves room for the others.
const OF_A_KIND_BYTES_MAX: usize = 256 * 1024;
/// Contents that one record ever had; an outline counts no further than 255.
const CONTENTS_MAX: u8 = 200;
/// And with those that take it back, for which a full record and a full day have room.
const WITH_LAST_WORD_MAX: u8 = 250;
/// Records of one name, deletions of one record, lists of one sleep, naps of one list.
const ENTRIES_MAX: usize = 500;
/// Contents of profile edits and link overrides, which hold for all days.
const LASTING_MAX: usize = 10_000;

/// Why there is no room for a draft. What was asked for, and what a fetch replaces, always has
/// room; what counts for the athlete's safety shares it with nothing else.
pub(crate) fn full(work: &Work<'_>, draft: &Draft, names: &DraftNames) -> Option<Rejected> {
    let detail = match &draft.body {
        Body::Weather(_) => return None,
        Body::Profile(_) | Body::LinkOverride(_) => lasting_is_full(work),
        _ => day_is_full(work, draft, names).or_else(|| list_is_full(work, draft, names)),
    };
    Some(Rejected::new("too_many", detail?))
}

fn lasting_is_full(work: &Work<'_>) -> Option<String> {
    let is_full = super::lasting::held(&work.head) >= LASTING_MAX;
    is_full.then(|| format!("at most {LASTING_MAX} profile edits and overrides are kept"))
}

fn day_is_full(work: &Work<'_>, draft: &Draft, names: &DraftNames) -> Option<String> {
    let (start, _) = draft.body.span()?;
    let observations = |day: i32| {
        let bucket = work.day(day);
        bucket.map_or(&[][..], |bucket| &bucket.observations)
    };
    let print = id_print(&names.id);
    let stands_in = known_day(work, names.shard, &names.id);
    let known = stands_in.and_then(|day| {
        let mut kept = observations(day).iter();
        kept.find(|kept| kept.print() == print)
    });
    if let Some(known) = known {
        if draft.fetched {
            return None;
        }
        let takes_back = matches!(&draft.body, Body::Plan(plan) if plan.deleted);
        let most = if takes_back {
            WITH_LAST_WORD_MAX
        } else {
            CONTENTS_MAX
        };
        if known.versions() >= most {
            return Some(format!("a record has at most {most} contents"));
        }
        if takes_back {
            return None;
        }
    }
    let (day, kind) = (day_of(start.0), draft.body.kind());
    let kept = observations(day);
    let of_all: usize = kept.iter().map(Kept::stored_bytes).sum();
    if kept.len() < OF_A_KIND_MAX && of_all < OF_A_KIND_BYTES_MAX {
        // Nearly always, and then kinds need not be told apart.
        return None;
    }
    let (mut count, mut bytes) = (0, 0);
    for kept in kept.iter().filter(|kept| kept.kind().as_str() == kind) {
        count += 1;
        bytes += kept.stored_bytes();
    }
    if count >= OF_A_KIND_MAX && stands_in != Some(day) {
        return Some(format!(
            "a day holds at most {OF_A_KIND_MAX} of kind {kind}"
        ));
    }
    (bytes >= OF_A_KIND_BYTES_MAX).then(|| {
        let most = OF_A_KIND_BYTES_MAX / 1024;
        format!("a day holds at most {most} KiB of kind {kind}")
    })
}

fn list_is_full(work: &Work<'_>, draft: &Draft, names: &DraftNames) -> Option<String> {
    let holds = |shard: u16, list: List, print: i64| {
        let index = work.shard(shard);
        index.map_or(0, |index| index.all(list, print).count())
    };
    let print = id_print(&names.id);
    let (held, what) = match &draft.body {
        Body::DatedDeletion => (
            holds(names.shard, List::Deletions, print),
            "deletions of one record",
        ),
        Body::Naps(naps) => (
            holds(names.shard, List::NapLists, print).max(naps.spans.len()),
            "lists of naps of one sleep, and naps in a list",
        ),
        _ => {
            let name = names.replaces?;
            (
                holds(name.shard, List::Called, name.print),
                "records of one name",
            )
        }
    };
    (held >= ENTRIES_MAX).then(|| format!("at most {ENTRIES_MAX} {what} are kept"))
}
