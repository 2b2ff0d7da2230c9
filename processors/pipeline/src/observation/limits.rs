//! Safety valves: what one athlete may have remembered of one thing, so that no sender can make a day, a
//! head or a search grow without end. Not rules: test worlds stay far below them.

use crate::apply::id_print;
use crate::bucket::{Kept, List, day_of};
use crate::identity::DraftNames;
use crate::normalize::{Body, Draft, Rejected};
use crate::work::Work;

/// Observations of a kind on one day.
const OF_A_KIND_MAX: usize = 500;
/// Bytes of all observations of one day.
const DAY_BYTES_MAX: usize = 256 * 1024;
/// Contents that one record ever had; an outline counts no further than 255.
const CONTENTS_MAX: u8 = 200;
/// Records of one name, deletions of one record, lists of one sleep, naps of one list.
const ENTRIES_MAX: usize = 500;
/// Contents of profile edits and link overrides, which hold for all days.
const LASTING_MAX: usize = 10_000;

/// Why there is no room for a draft.
pub(crate) fn full(work: &Work<'_>, draft: &Draft, names: &DraftNames) -> Option<Rejected> {
    let detail = day_is_full(work, draft, names).or_else(|| list_is_full(work, draft, names))?;
    Some(Rejected::new("too_many", detail))
}

fn day_is_full(work: &Work<'_>, draft: &Draft, names: &DraftNames) -> Option<String> {
    let (start, _) = draft.body.span()?;
    let kept = &work.day(day_of(start.0))?.observations;
    let (kind, print) = (draft.body.kind(), id_print(&names.id));
    let known = kept.iter().find(|kept| kept.print() == print);
    if known.is_some_and(|kept| kept.versions() >= CONTENTS_MAX) {
        return Some(format!("a record has at most {CONTENTS_MAX} contents"));
    }
    let is_of_kind = |kept: &&Kept| kept.kind().as_str() == kind;
    let has_room = known.is_some() || kept.len() < OF_A_KIND_MAX;
    if !has_room && kept.iter().filter(is_of_kind).count() >= OF_A_KIND_MAX {
        return Some(format!(
            "a day holds at most {OF_A_KIND_MAX} of kind {kind}"
        ));
    }
    let bytes: usize = kept.iter().map(|kept| kept.stored_bytes()).sum();
    (bytes >= DAY_BYTES_MAX).then(|| {
        let most = DAY_BYTES_MAX / 1024;
        format!("the observations of a day hold at most {most} KiB")
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
        Body::Profile(_) | Body::LinkOverride(_) => {
            let held = super::lasting::held(&work.head);
            return (held >= LASTING_MAX)
                .then(|| format!("at most {LASTING_MAX} profile edits and overrides are kept"));
        }
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
