//! One night out of its witnesses: who is believed, what others add, and who is told so.

use super::witness::{Key, Piece, Standing, Witness, key, mark_partial, us_seconds};
use super::{Cluster, FILL_MIN_S, Night, NightKind, SleepKind, SleepRecord};
use crate::observation::{Choice, ObservationId, Role};
use crate::time::{Instant, Span, local_date, offset_at};

pub(super) fn merge(records: &[SleepRecord], cluster: &Cluster, home_zone: Option<&str>) -> Night {
    let members: Vec<&SleepRecord> = cluster
        .members
        .iter()
        .filter_map(|index| records.get(*index))
        .collect();
    let witnesses = witnesses(&members);
    let mut told = Telling::of(&witnesses);

    let start = told.first(cluster.window.start(), "start", |witness| witness.onset());
    let end = told.first(cluster.window.end(), "end", |witness| witness.waking());
    let mut sleep = Sleep {
        start,
        end: end.max(start),
        asleep_us: told.asleep_us(),
    };
    told.fill(&mut sleep);
    let in_bed = told.in_bed(&members, &sleep);
    let awake_s = told.seconds("awake_s", SleepKind::Awake, &sleep);
    let deep_s = told.seconds("deep_s", SleepKind::Deep, &sleep);
    let light_s = told.seconds("light_s", SleepKind::Light, &sleep);
    let rem_s = told.seconds("rem_s", SleepKind::Rem, &sleep);
    let utc_offset_s = told.offset(&members, &sleep, home_zone);

    Night {
        kind: NightKind::Nap,
        members: cluster.members.clone(),
        start: sleep.start,
        end: sleep.end,
        in_bed,
        asleep_s: us_seconds(sleep.asleep_us),
        awake_s,
        deep_s,
        light_s,
        rem_s,
        local_date: local_date(sleep.end, utc_offset_s),
        utc_offset_s,
        roles: told.roles(&members),
        provenance: told.choices,
    }
}

/// One for each device and path, the best first.
fn witnesses(members: &[&SleepRecord]) -> Vec<(Key, Witness)> {
    let mut keys: Vec<Key> = members.iter().map(|record| key(record)).collect();
    keys.sort_unstable();
    keys.dedup();
    let tell = |in_bed_is_sleep: bool| -> Vec<(Key, Witness)> {
        let mut told: Vec<(Key, Witness)> = Vec::with_capacity(keys.len());
        for witness in &keys {
            let theirs: Vec<&SleepRecord> = members
                .iter()
                .filter(|record| key(record) == *witness)
                .copied()
                .collect();
            told.push((*witness, Witness::new(&theirs, in_bed_is_sleep)));
        }
        told
    };
    let mut told = tell(false);
    if told.iter().all(|(_, witness)| witness.standing().no_sleep) {
        told = tell(true);
    }
    mark_partial(&mut told);
    told.sort_by_key(|(key, witness)| (witness.standing(), *key));
    told
}

/// Stages stand where at most one part in so many of the sleep has none.
const UNSTAGED_SHARE: u64 = 10;

struct Sleep {
    start: Instant,
    end: Instant,
    asleep_us: u64,
}

/// The witnesses, who won what so far, and the record of it.
struct Telling<'a> {
    witnesses: &'a [(Key, Witness)],
    choices: Vec<Choice>,
    /// Records whose pieces count.
    used: Vec<ObservationId>,
    /// What lesser witnesses add before and after the best one watched.
    filled: Vec<(SleepKind, u64, ObservationId)>,
}

impl<'a> Telling<'a> {
    fn of(witnesses: &'a [(Key, Witness)]) -> Self {
        let pieces = witnesses
            .first()
            .map(|(_, best)| best.pieces.as_slice())
            .unwrap_or_default();
        let mut used: Vec<ObservationId> = pieces.iter().map(|piece| piece.teller).collect();
        used.sort_unstable();
        used.dedup();
        Self {
            witnesses,
            choices: Vec::with_capacity(10),
            used,
            filled: Vec::new(),
        }
    }

    fn best(&self) -> Option<&'a Witness> {
        self.witnesses.first().map(|(_, best)| best)
    }

    fn asleep_us(&mut self) -> u64 {
        let Some(best) = self.best() else { return 0 };
        if let Some(teller) = best.main_teller() {
            self.choose("asleep_s", teller, self.rule());
        }
        best.asleep_us()
    }

    fn rule(&self) -> &'static str {
        let slept = |pair: &&(Key, Witness)| !pair.1.standing().no_sleep;
        if self.witnesses.iter().filter(slept).count() > 1 {
            "witness_rank"
        } else {
            "only_source"
        }
    }

    /// A value of the best witness; the window of the cluster where nobody slept.
    fn first(
        &mut self,
        otherwise: Instant,
        field: &'static str,
        get: impl Fn(&Witness) -> Option<(Instant, ObservationId)>,
    ) -> Instant {
        let Some((at, teller)) = self.best().and_then(get) else {
            return otherwise;
        };
        self.choose(field, teller, self.rule());
        at
    }

    /// Seconds of one kind: of the best witness, and of those that added sleep. `None` where a good
    /// deal of the sleep is of no stage, because a part is no value of the whole.
    fn seconds(&mut self, field: &'static str, kind: SleepKind, sleep: &Sleep) -> Option<i64> {
        let best = self.best()?;
        let of_kind = |kinds: &dyn Fn(SleepKind) -> bool| {
            let filled = self.filled.iter().filter(|(kind, ..)| kinds(*kind));
            filled.fold(0_u64, |sum, (_, more, _)| sum.saturating_add(*more))
        };
        let unstaged =
            of_kind(&|kind| kind.is_asleep() && !kind.is_stage() || kind == SleepKind::Session);
        if kind.is_stage() && unstaged.saturating_mul(UNSTAGED_SHARE) > sleep.asleep_us {
            return None;
        }
        let more = of_kind(&|it| it == kind);
        let told = best.seconds_of(kind);
        let staged = !best.standing().no_stages;
        let mut tellers = self.filled.iter().filter(|(it, ..)| *it == kind);
        let (seconds, teller) = match (told, tellers.next()) {
            (None, Some((_, _, teller))) if staged => (0, *teller),
            (told, _) => told?,
        };
        self.choose(field, teller, self.rule());
        if more > 0
            && let Some(choice) = self.choices.last_mut()
        {
            let others = self.filled.iter().filter(|(it, ..)| *it == kind);
            choice.parts.extend(others.map(|(_, _, teller)| *teller));
            choice.parts.sort_unstable();
            choice.parts.dedup();
            choice.parts.retain(|part| *part != teller);
            choice.rule = "filled";
        }
        Some(seconds.saturating_add(us_seconds(more)))
    }

    fn choose(&mut self, field: &'static str, winner: ObservationId, rule: &'static str) {
        let best = self.best().map(Witness::standing);
        let others = self.witnesses.iter().skip(1).filter_map(|(_, other)| {
            let reason = why_not(best?, other.standing());
            other
                .main_teller()
                .filter(|teller| *teller != winner)
                .map(|teller| (teller, reason))
        });
        let losers = others.collect();
        self.choices.push(Choice {
            field,
            winner,
            parts: Vec::new(),
            rule,
            losers,
            confirmed_by: None,
        });
    }

    /// Adds sleep that lesser witnesses saw before or after all that better ones watched.
    fn fill(&mut self, sleep: &mut Sleep) {
        let Some(mut watched) = self.best().and_then(Witness::window) else {
            return;
        };
        let enough = FILL_MIN_S.unsigned_abs().saturating_mul(1_000_000);
        for (_, other) in self.witnesses.iter().skip(1) {
            let before = Span::new(Instant(i64::MIN), watched.start());
            let after = Span::new(watched.end(), Instant(i64::MAX));
            for (side, field) in [(before, "start"), (after, "end")] {
                let parts: Vec<(&Piece, Span)> = other
                    .asleep()
                    .filter_map(|piece| piece.span.overlap(side).map(|part| (piece, part)))
                    .collect();
                let sum = parts
                    .iter()
                    .fold(0_u64, |sum, part| sum.saturating_add(part.1.length_us()));
                let edge = if field == "start" {
                    parts.first()
                } else {
                    parts.last()
                };
                let Some((piece, part)) = edge.filter(|_| sum >= enough) else {
                    continue;
                };
                sleep.asleep_us = sleep.asleep_us.saturating_add(sum);
                // From the sleep that is added to what was watched, awake or not.
                let gained = if field == "start" {
                    Span::new(part.start(), watched.start())
                } else {
                    Span::new(watched.end(), part.end())
                };
                for piece in &other.pieces {
                    let more = piece.span.overlap_us(gained);
                    if more > 0 {
                        self.filled.push((piece.kind, more, piece.teller));
                    }
                }
                sleep.start = sleep.start.min(part.start());
                sleep.end = sleep.end.max(part.end());
                watched = watched.hull(*part);
                if let Some(choice) = self.choices.iter_mut().find(|it| it.field == "asleep_s") {
                    let winner = choice.winner;
                    let others = parts.iter().map(|(piece, _)| piece.teller);
                    choice.parts.extend(others.filter(|other| *other != winner));
                    choice.parts.sort_unstable();
                    choice.parts.dedup();
                    choice.rule = "filled";
                }
                self.choices.retain(|choice| choice.field != field);
                self.choose(field, piece.teller, "filled");
                self.used
                    .extend(parts.iter().map(|(piece, _)| piece.teller));
            }
        }
        self.used.sort_unstable();
        self.used.dedup();
    }

    /// The union of all time in bed that records tell as such, and of the sleep: who slept was in bed.
    fn in_bed(&mut self, members: &[&SleepRecord], sleep: &Sleep) -> Option<Span> {
        let beds = || {
            members
                .iter()
                .filter(|record| record.kind == SleepKind::InBed)
        };
        let first = beds().min_by_key(|record| (record.span.start(), record.id))?;
        let last = beds().min_by_key(|it| (std::cmp::Reverse(it.span.end()), it.id))?;
        let winner = |field| {
            let choice = self.choices.iter().find(|choice| choice.field == field);
            choice.map(|choice| choice.winner)
        };
        let (start, onset) = (first.span.start(), winner("start"));
        let (end, waking) = (last.span.end(), winner("end"));
        let from = onset.filter(|_| sleep.start < start).unwrap_or(first.id);
        let to = waking.filter(|_| sleep.end > end).unwrap_or(last.id);
        self.choices.push(lone("in_bed_start", from, "union"));
        self.choices.push(lone("in_bed_end", to, "union"));
        Some(Span::new(start.min(sleep.start), end.max(sleep.end)))
    }

    /// The offset at waking: of the last believed record that tells one, then of any, then of zones.
    fn offset(&mut self, members: &[&SleepRecord], sleep: &Sleep, home_zone: Option<&str>) -> i32 {
        let believed = |record: &SleepRecord| self.used.binary_search(&record.id).is_ok();
        let by_zone = |record: &SleepRecord| offset_at(record.zone.as_deref()?, sleep.end);
        let at_home = |at: Instant| home_zone.and_then(|zone| offset_at(zone, at));
        // A record that tells the offset of its start slept through a clock change at home.
        let shifted = |offset_s: i32| {
            let stayed_home = at_home(sleep.start) == Some(offset_s);
            at_home(sleep.end)
                .filter(|_| stayed_home)
                .unwrap_or(offset_s)
        };
        let told =
            |record: &SleepRecord| by_zone(record).or_else(|| record.utc_offset_s.map(shifted));
        let tellers = members
            .iter()
            .filter_map(|record| told(record).map(|it| (it, record)));
        let best =
            tellers.max_by_key(|(_, it)| (believed(it), it.span.end(), std::cmp::Reverse(it.id)));
        if let Some((offset_s, record)) = best {
            self.choices
                .push(lone("utc_offset_s", record.id, "last_told"));
            return offset_s;
        }
        at_home(sleep.end).unwrap_or(0)
    }

    fn roles(&self, members: &[&SleepRecord]) -> Vec<(ObservationId, Role)> {
        let wins = |id: ObservationId| self.choices.iter().filter(|it| it.winner == id).count();
        let slept = self.best().is_some_and(|best| !best.standing().no_sleep);
        let is_wrapper = |record: &SleepRecord| {
            record.kind == SleepKind::InBed && slept && self.used.binary_search(&record.id).is_err()
        };
        let primary = members
            .iter()
            .filter(|record| !is_wrapper(record))
            .max_by_key(|it| (wins(it.id), std::cmp::Reverse((it.span.start(), it.id))))
            .map(|record| record.id);
        let role = |record: &&SleepRecord| {
            let role = if is_wrapper(record) {
                Role::Wrapper
            } else if Some(record.id) == primary {
                Role::Primary
            } else if wins(record.id) > 0 || self.used.binary_search(&record.id).is_ok() {
                Role::Contributor
            } else {
                Role::Duplicate
            };
            (record.id, role)
        };
        members.iter().map(role).collect()
    }
}

fn lone(field: &'static str, winner: ObservationId, rule: &'static str) -> Choice {
    Choice {
        field,
        winner,
        parts: Vec::new(),
        rule,
        losers: Vec::new(),
        confirmed_by: None,
    }
}

/// The first rule by which a witness stands behind the best.
fn why_not(best: Standing, other: Standing) -> &'static str {
    if other.manual != best.manual {
        "manual"
    } else if other.no_stages != best.no_stages {
        "no_stages"
    } else if other.partial != best.partial {
        "covers_part"
    } else if other.path != best.path {
        "lower_rank"
    } else {
        "less_sleep"
    }
}
