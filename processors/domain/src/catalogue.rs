//! What can be drunk and eaten: the products and foods that ship with the program.
//!
//! The table is `catalog.csv` beside this crate's manifest: one row an item, facts per serving. An
//! empty cell is unknown and stays so (`None`); it is never 0. What an item is made of (milk, nuts,
//! gluten, …) is not in the table but in `traits`, by id, because only what follows from the
//! ingredient itself is stated there and everything else is unknown.
//!
//! It is not: a price list, a shop, or a statement about a pack at hand. Labels change; the source
//! column says where each row comes from.

mod parse;
mod traits;

pub use traits::{Trait, Traits, Truth};

use std::sync::LazyLock;

use crate::selection::Nutrient;

/// As many items as one solve can hold in a machine word; the shipped table has 104.
pub const ITEMS_MAX: usize = 128;

/// Items by id, and a version that changes with any of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    version: String,
    items: Vec<Item>,
}

/// One serving of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    pub serving: Serving,
    pub energy_kcal: Option<i64>,
    pub fat_dg: Option<i64>,
    pub potassium_mg: Option<i64>,
    /// Where the numbers come from.
    pub source: String,
    pub traits: Traits,
    /// In the order of [`Nutrient::ALL`].
    pub(crate) facts: [Option<i32>; Nutrient::COUNT],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Drink,
    /// Powder or a tablet, counted with the water it is mixed into.
    DrinkMix,
    Gel,
    Chew,
    Bar,
    Shake,
    Powder,
    Food,
    Salt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    pub unit: ServingUnit,
    /// In hundredths of the unit: 28.35 g is 2835.
    pub hundredths: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServingUnit {
    Millilitre,
    Gram,
    Piece,
}

/// Why a table was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Of the file, the header is line 1 (records, where a cell holds a line break).
    pub line: usize,
    pub what: String,
}

static SHIPPED: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::parse(include_str!("../catalog.csv")).unwrap_or_else(nothing));

impl Catalogue {
    /// The table in the program. A test parses it; a program with a broken one offers nothing.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// From a table with the shipped one's columns.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        Ok(Self {
            version: version(text),
            items: parse::items(text)?,
        })
    }

    /// 16 hexadecimal digits over the bytes of the table.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// By id, each once.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    pub fn get(&self, id: &str) -> Option<&Item> {
        self.items.get(self.place(id)?)
    }

    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.items
            .binary_search_by(|item| item.id.as_str().cmp(id))
            .ok()
    }
}

fn nothing(_: Refused) -> Catalogue {
    Catalogue {
        version: version(""),
        items: Vec::new(),
    }
}

/// FNV-1a: nobody gains by two tables of one version, so it need not withstand anybody.
fn version(text: &str) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = text.bytes().fold(OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    format!("{hash:016x}")
}

impl Item {
    /// In the nutrient's unit per serving; `None` is unknown.
    pub fn amount(&self, nutrient: Nutrient) -> Option<i64> {
        self.facts
            .get(nutrient as usize)
            .copied()
            .flatten()
            .map(i64::from)
    }

    /// Counted as drinking.
    pub fn is_drink(&self) -> bool {
        matches!(self.kind, Kind::Drink | Kind::DrinkMix | Kind::Shake)
    }
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Drink,
        Self::DrinkMix,
        Self::Gel,
        Self::Chew,
        Self::Bar,
        Self::Shake,
        Self::Powder,
        Self::Food,
        Self::Salt,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drink => "drink",
            Self::DrinkMix => "drink_mix",
            Self::Gel => "gel",
            Self::Chew => "chew",
            Self::Bar => "bar",
            Self::Shake => "shake",
            Self::Powder => "powder",
            Self::Food => "food",
            Self::Salt => "salt",
        }
    }
}

impl ServingUnit {
    pub const ALL: [Self; 3] = [Self::Millilitre, Self::Gram, Self::Piece];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Millilitre => "ml",
            Self::Gram => "g",
            Self::Piece => "piece",
        }
    }
}

#[cfg(test)]
mod tests;
