//! What an athlete must not have, and what has its place in a phase. Filters, never penalties:
//! unknown fails wherever somebody could come to harm.

use std::collections::BTreeSet;

use super::Nutrient;
use crate::catalogue::{Item, Kind, Trait, Truth};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Diet {
    Vegan,
    Vegetarian,
    Halal,
    Kosher,
    GlutenFree,
    LactoseFree,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Allergen {
    Milk,
    Egg,
    Fish,
    Nuts,
    Peanut,
    Soy,
    Gluten,
}

/// Around a workout, and before the night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    Before,
    During,
    /// Between two workouts that are close.
    Bridge,
    After,
    BeforeSleep,
}

/// What may be drunk, whoever drinks it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Drinks {
    #[default]
    All,
    /// None without salt or sugar in it.
    NotPlain,
    None,
}

/// Of one athlete. The default refuses nothing but caffeine.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Restrictions {
    pub diets: BTreeSet<Diet>,
    pub allergies: BTreeSet<Allergen>,
    /// An allergy of which no item tells whether it is safe.
    pub unknown_allergy: bool,
    /// Subject to doping controls: only food, plain drinks and certified lots.
    pub tested: bool,
    /// Items with a live certificate.
    pub certified: BTreeSet<String>,
    /// The athlete asked for it and no rule is against it.
    pub caffeine_allowed: bool,
    /// On a low-salt diet, by whatever cause.
    pub sodium_restricted: bool,
    /// Carbohydrate is a practitioner's matter.
    pub carbohydrate_restricted: bool,
    pub drinks: Drinks,
    /// Under 18: drinks and food, no supplements, no caffeine.
    pub minor: bool,
    /// Disliked, or not to be had.
    pub refused: BTreeSet<String>,
    /// On a day that counts only what was tried in training; `None` allows all.
    pub tried_only: Option<BTreeSet<String>>,
}

/// Why an item is no candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Objection {
    Diet(Diet),
    Allergy(Allergen),
    UnknownAllergy,
    NotCertified,
    Caffeine,
    Sodium,
    Carbohydrate,
    Drink,
    Minor,
    Phase,
    Refused,
    Untried,
    /// The caller named other items.
    NotOffered,
}

impl Restrictions {
    /// The first filter that an item fails, gravest first.
    pub fn objection(&self, item: &Item, phase: Option<Phase>) -> Option<Objection> {
        self.harm(item)
            .or_else(|| self.rule(item))
            .or_else(|| match phase {
                Some(phase) if !phase.suits(item) => Some(Objection::Phase),
                _ => None,
            })
            .or_else(|| self.wish(item))
    }

    fn harm(&self, item: &Item) -> Option<Objection> {
        if self.unknown_allergy {
            return Some(Objection::UnknownAllergy);
        }
        let allergen = self.allergies.iter().copied();
        let mut allergens = allergen.filter(|one| item.traits.of(one.substance()) != Truth::No);
        if let Some(allergen) = allergens.next() {
            return Some(Objection::Allergy(allergen));
        }
        let diets = self.diets.iter().copied();
        let mut broken = diets.filter(|diet| !diet.allows(item));
        broken.next().map(Objection::Diet)
    }

    fn rule(&self, item: &Item) -> Option<Objection> {
        let supplement = matches!(item.kind, Kind::Powder | Kind::Salt);
        let caffeine = item.amount(Nutrient::Caffeine) != Some(0);
        let salt = item.kind == Kind::Salt || item.amount(Nutrient::Sodium).is_none();
        if self.minor && supplement {
            Some(Objection::Minor)
        } else if caffeine && (self.minor || !self.caffeine_allowed) {
            Some(Objection::Caffeine)
        } else if self.sodium_restricted && salt {
            Some(Objection::Sodium)
        } else if self.carbohydrate_restricted && item.amount(Nutrient::Carbohydrate).is_none() {
            Some(Objection::Carbohydrate)
        } else if !self.drinks.allow(item) {
            Some(Objection::Drink)
        } else if self.tested && !self.certified.contains(&item.id) && !is_food(item) {
            Some(Objection::NotCertified)
        } else {
            None
        }
    }

    fn wish(&self, item: &Item) -> Option<Objection> {
        let tried = self.tried_only.as_ref();
        if self.refused.contains(&item.id) {
            Some(Objection::Refused)
        } else if tried.is_some_and(|tried| !tried.contains(&item.id)) {
            Some(Objection::Untried)
        } else {
            None
        }
    }
}

/// Nothing that a laboratory would have to look into.
fn is_food(item: &Item) -> bool {
    let plain = item.traits.of(Trait::Plain) == Truth::Yes;
    item.kind == Kind::Food || (item.kind == Kind::Drink && plain)
}

impl Drinks {
    fn allow(self, item: &Item) -> bool {
        let none_of = |nutrient| item.amount(nutrient).unwrap_or(0) == 0;
        match self {
            Self::All => true,
            Self::NotPlain => {
                !item.is_drink() || !none_of(Nutrient::Carbohydrate) || !none_of(Nutrient::Sodium)
            }
            Self::None => !item.is_drink(),
        }
    }
}

impl Diet {
    pub const ALL: [Self; 6] = [
        Self::Vegan,
        Self::Vegetarian,
        Self::Halal,
        Self::Kosher,
        Self::GlutenFree,
        Self::LactoseFree,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vegan => "vegan",
            Self::Vegetarian => "vegetarian",
            Self::Halal => "halal",
            Self::Kosher => "kosher",
            Self::GlutenFree => "gluten_free",
            Self::LactoseFree => "lactose_free",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    pub(crate) fn allows(self, item: &Item) -> bool {
        let (what, answer) = match self {
            Self::Vegan => (Trait::Vegan, Truth::Yes),
            Self::Vegetarian => (Trait::Vegetarian, Truth::Yes),
            Self::Halal => (Trait::Halal, Truth::Yes),
            Self::Kosher => (Trait::Kosher, Truth::Yes),
            Self::GlutenFree => (Trait::Gluten, Truth::No),
            Self::LactoseFree => (Trait::Lactose, Truth::No),
        };
        item.traits.of(what) == answer
    }
}

impl Allergen {
    pub const ALL: [Self; 7] = [
        Self::Milk,
        Self::Egg,
        Self::Fish,
        Self::Nuts,
        Self::Peanut,
        Self::Soy,
        Self::Gluten,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Milk => "milk",
            Self::Egg => "egg",
            Self::Fish => "fish",
            Self::Nuts => "nuts",
            Self::Peanut => "peanut",
            Self::Soy => "soy",
            Self::Gluten => "gluten",
        }
    }

    /// One or many of it: `nut` is `nuts`.
    pub fn parse(word: &str) -> Option<Self> {
        let one_of = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
        let wanted = one_of(word);
        Self::ALL
            .into_iter()
            .find(|one| one_of(one.as_str()) == wanted)
    }

    pub(crate) const fn substance(self) -> Trait {
        match self {
            Self::Milk => Trait::Milk,
            Self::Egg => Trait::Egg,
            Self::Fish => Trait::Fish,
            Self::Nuts => Trait::Nuts,
            Self::Peanut => Trait::Peanut,
            Self::Soy => Trait::Soy,
            Self::Gluten => Trait::Gluten,
        }
    }
}

/// Eaten from the hand, without a kitchen and without much fat, protein or fibre.
const IN_THE_HAND: [&str; 11] = [
    "apple",
    "banana",
    "bread-white",
    "date-medjool",
    "honey",
    "orange",
    "potato-boiled",
    "pretzels",
    "raisins",
    "rice-cakes",
    "watermelon",
];
/// Drinks for the table, not for the bottle.
const AT_THE_TABLE: [&str; 9] = [
    "black-tea-237",
    "chicken-broth",
    "choc-milk",
    "coffee-237",
    "espresso-30",
    "milk-1pct",
    "milk-skim",
    "soymilk",
    "vegetable-juice",
];

impl Phase {
    pub const ALL: [Self; 5] = [
        Self::Before,
        Self::During,
        Self::Bridge,
        Self::After,
        Self::BeforeSleep,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "pre",
            Self::During => "during",
            Self::Bridge => "bridge",
            Self::After => "post",
            Self::BeforeSleep => "pre_sleep",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// Different things that one is told to take at once.
    pub const fn kinds_max(self) -> u8 {
        match self {
            Self::Before | Self::During | Self::Bridge => 3,
            Self::After => 4,
            Self::BeforeSleep => 2,
        }
    }

    /// Whether the thing has its place in this phase.
    fn suits(self, item: &Item) -> bool {
        let listed = |list: &[&str]| list.contains(&item.id.as_str());
        match (self, item.kind) {
            (Self::During | Self::Bridge, Kind::Food) => listed(&IN_THE_HAND),
            (Self::During | Self::Bridge, Kind::Drink) => !listed(&AT_THE_TABLE),
            (Self::During | Self::Bridge, Kind::Shake | Kind::Powder) => false,
            // A capsule wants a bottle beside it, and a plan that lasts.
            (Self::Before | Self::Bridge | Self::BeforeSleep, Kind::Salt) => false,
            (Self::Before, Kind::Powder) => false,
            (Self::Before, Kind::Food) => is_lean(item),
            // There is time for a meal.
            (Self::After, Kind::Gel | Kind::Chew) => false,
            (Self::BeforeSleep, Kind::Gel | Kind::Chew | Kind::DrinkMix) => false,
            (Self::BeforeSleep, _) => item.amount(Nutrient::Caffeine) == Some(0),
            _ => true,
        }
    }
}

/// At most a quarter of the energy is fat, at 9 kcal/g.
fn is_lean(item: &Item) -> bool {
    let (Some(fat_dg), Some(energy_kcal)) = (item.fat_dg, item.energy_kcal) else {
        return false;
    };
    // 0.9 kcal per 0.1 g of fat, times 4, times 10 to stay whole.
    fat_dg.saturating_mul(36) <= energy_kcal.saturating_mul(10)
}
