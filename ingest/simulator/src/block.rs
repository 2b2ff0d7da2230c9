//! Garmin pushes mix the items of several users in one request: athletes are taken in blocks, and
//! the Garmin items of a block are packed together in the order they were sent.
//!
//! A block also bounds memory: a world of any size streams through it.

use crate::account::StravaAccount;
use crate::delivery::Delivery;
use crate::dice::Dice;
use crate::truth::AthleteTruth;
use crate::world::AthleteWorld;

/// Athletes whose items may share a request.
pub const ATHLETES_PER_BLOCK: usize = 20;
/// Garmin items in one request.
const ITEMS_PER_PUSH: i64 = 8;
/// Items that share a request were sent at most this long one after the other: an hour of micros.
const PUSH_WINDOW: i64 = 3_600_000_000;

/// Some athletes, ready to be posted.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// To be answered before the first of `deliveries` goes out.
    pub registrations: Vec<Delivery>,
    /// All athletes of the block, in the order the world sends them.
    pub deliveries: Vec<Delivery>,
    pub truth: Vec<AthleteTruth>,
    /// What Strava has to serve when the block's events ask for fetches.
    pub strava: Vec<StravaAccount>,
}

/// Groups `worlds` into blocks of [`ATHLETES_PER_BLOCK`] and mixes their Garmin items. The order of
/// deliveries that share a causal key stays what it was.
pub fn blocks(worlds: impl Iterator<Item = AthleteWorld>) -> impl Iterator<Item = Block> {
    let mut worlds = worlds.peekable();
    let mut number = 0_u32;
    std::iter::from_fn(move || {
        worlds.peek()?;
        number = number.wrapping_add(1);
        Some(block(worlds.by_ref().take(ATHLETES_PER_BLOCK), number))
    })
}

fn block(worlds: impl Iterator<Item = AthleteWorld>, number: u32) -> Block {
    let mut made = Block {
        registrations: Vec::new(),
        deliveries: Vec::new(),
        truth: Vec::new(),
        strava: Vec::new(),
    };
    for mut world in worlds {
        made.registrations.append(&mut world.registrations);
        made.deliveries.append(&mut world.deliveries);
        made.truth.push(world.truth);
        made.strava.extend(world.strava);
    }
    made.deliveries.sort_by_key(|delivery| delivery.at);
    made.deliveries = mix(made.deliveries, number);
    made
}

/// Packs Garmin items that follow each other, of whichever athlete, into shared requests, sent when
/// the last of them would have been. A second content for one causal key starts a new request, so
/// that the order of contents stays visible.
fn mix(deliveries: Vec<Delivery>, number: u32) -> Vec<Delivery> {
    let mut dice = Dice::new(0, number);
    let mut mixed = Vec::new();
    let mut open: Vec<Delivery> = Vec::new();
    let mut room = dice.whole(1, ITEMS_PER_PUSH) as usize;
    for delivery in deliveries {
        if delivery.pushes.is_empty() {
            mixed.push(delivery);
            continue;
        }
        let opened = open.first().map_or(delivery.at, |first| first.at);
        let known = |key: &String| open.iter().any(|other| other.causal.contains(key));
        let full = open.len() >= room || delivery.at - opened > PUSH_WINDOW;
        if full || delivery.causal.iter().any(known) {
            mixed.extend(close(&mut open));
            room = dice.whole(1, ITEMS_PER_PUSH) as usize;
        }
        open.push(delivery);
    }
    mixed.extend(close(&mut open));
    mixed.sort_by_key(|delivery| delivery.at);
    mixed
}

fn close(open: &mut Vec<Delivery>) -> Option<Delivery> {
    let at = open.last()?.at;
    let mut pushes = Vec::new();
    let mut causal = Vec::new();
    for mut delivery in open.drain(..) {
        pushes.append(&mut delivery.pushes);
        causal.append(&mut delivery.causal);
    }
    Some(Delivery::garmin(at, pushes, causal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::WorldOptions;
    use crate::world::world;
    use std::collections::BTreeMap;

    const OPTIONS: WorldOptions = WorldOptions {
        athletes: 45,
        days: 6,
        seed: 5,
        end: 1_774_828_800_000_000,
    };

    /// Contents by causal key, in the order sent.
    fn histories<'a>(
        deliveries: impl Iterator<Item = &'a Delivery>,
    ) -> BTreeMap<String, Vec<String>> {
        let mut histories: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for delivery in deliveries {
            for (key, push) in delivery.causal.iter().zip(&delivery.pushes) {
                if delivery.causal.len() == 1 && delivery.pushes.len() == 1 {
                    histories
                        .entry(key.clone())
                        .or_default()
                        .push(push.item.clone());
                }
            }
        }
        histories
    }

    #[test]
    fn mixing_keeps_every_item_and_the_order_of_contents() {
        let alone: Vec<AthleteWorld> = world(OPTIONS).collect();
        let made: Vec<Block> = blocks(alone.clone().into_iter()).collect();
        assert_eq!(made.len(), 3);
        let items = |deliveries: &[Delivery]| deliveries.iter().map(|d| d.items).sum::<usize>();
        let before: usize = alone.iter().map(|world| items(&world.deliveries)).sum();
        let after: usize = made.iter().map(|block| items(&block.deliveries)).sum();
        assert_eq!(before, after);
        let wanted = histories(alone.iter().flat_map(|world| &world.deliveries));
        for (key, contents) in wanted {
            let athletes = made.iter().flat_map(|block| &block.deliveries);
            let told = athletes.filter(|d| d.causal.contains(&key));
            let found: Vec<String> = told
                .flat_map(|d| d.pushes.iter())
                .map(|push| push.item.clone())
                .filter(|item| contents.contains(item))
                .collect();
            assert_eq!(found, contents, "{key}");
        }
    }

    #[test]
    fn requests_of_several_users_exist() {
        let mixed = blocks(world(OPTIONS)).flat_map(|block| block.deliveries);
        let users = |delivery: &Delivery| {
            let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
            let items = body
                .as_object()
                .unwrap()
                .values()
                .flat_map(|v| v.as_array().unwrap());
            let ids: std::collections::BTreeSet<String> = items
                .map(|item| item["userId"].as_str().unwrap().to_owned())
                .collect();
            ids.len()
        };
        let several = mixed
            .filter(|d| !d.pushes.is_empty())
            .filter(|d| users(d) > 1)
            .count();
        assert!(several > 50, "{several}");
    }
}
