//! What may be chosen from: the catalogue after the filters. Made once for an athlete and a phase,
//! and used for many solves.

use super::restrictions::{Objection, Phase, Restrictions};
use crate::catalogue::{Catalogue, ITEMS_MAX, Item};

/// Some items of a catalogue, and why not the others.
#[derive(Clone, Debug)]
pub struct Candidates<'c> {
    catalogue: &'c Catalogue,
    chosen: u128,
    objections: Vec<(&'c str, Objection)>,
    pub(crate) sodium_restricted: bool,
}

impl<'c> Candidates<'c> {
    /// What these restrictions and the phase leave; a phase of `None` leaves out nothing.
    pub fn new(
        catalogue: &'c Catalogue,
        restrictions: &Restrictions,
        phase: Option<Phase>,
    ) -> Self {
        let mut this = Self::from(catalogue, |item| restrictions.objection(item, phase));
        this.sodium_restricted = restrictions.sodium_restricted;
        this
    }

    /// Exactly these, whatever they are. The names that the catalogue does not have come back.
    pub fn named<'n>(
        catalogue: &'c Catalogue,
        ids: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, Vec<&'n str>> {
        let mut chosen = 0_u128;
        let mut unknown = Vec::new();
        for id in ids {
            match catalogue.place(id) {
                Some(place) => chosen |= bit(place),
                None => unknown.push(id),
            }
        }
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut places = (0..ITEMS_MAX).map(bit);
        Ok(Self::from(catalogue, |_| {
            let offered = places.next().is_some_and(|place| chosen & place != 0);
            (!offered).then_some(Objection::NotOffered)
        }))
    }

    /// The same without one.
    #[must_use]
    pub fn without(mut self, id: &str) -> Self {
        let place = self.catalogue.place(id);
        let found = place.filter(|place| self.chosen & bit(*place) != 0);
        if let Some((place, item)) =
            found.and_then(|place| Some((place, self.catalogue.items().get(place)?)))
        {
            self.chosen &= !bit(place);
            self.objections
                .push((item.id.as_str(), Objection::NotOffered));
            self.objections.sort_unstable();
        }
        self
    }

    fn from(
        catalogue: &'c Catalogue,
        mut objection: impl FnMut(&Item) -> Option<Objection>,
    ) -> Self {
        let mut chosen = 0_u128;
        let mut objections = Vec::new();
        for (place, item) in catalogue.items().iter().enumerate() {
            match objection(item) {
                None => chosen |= bit(place),
                Some(objection) => objections.push((item.id.as_str(), objection)),
            }
        }
        Self {
            catalogue,
            chosen,
            objections,
            sodium_restricted: false,
        }
    }

    /// By id.
    pub fn items(&self) -> impl Iterator<Item = &'c Item> + '_ {
        self.places().map(|(_, item)| item)
    }

    /// By id, what was filtered out and by which filter first.
    pub fn objections(&self) -> &[(&'c str, Objection)] {
        &self.objections
    }

    pub fn catalogue(&self) -> &'c Catalogue {
        self.catalogue
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, &'c Item)> + '_ {
        let items = self.catalogue.items().iter().enumerate();
        items.filter(|(place, _)| self.chosen & bit(*place) != 0)
    }
}

const fn bit(place: usize) -> u128 {
    if place < ITEMS_MAX { 1 << place } else { 0 }
}
