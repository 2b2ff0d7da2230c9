//! What the items are made of, by id: yes, no, or unknown.
//!
//! Only what follows from the ingredient itself is stated. Branded rows that are not listed are
//! unknown in everything until somebody reads the pack, and unknown fails every allergy, diet and
//! certification filter. So are single traits of foods to which a mill, a kitchen or a dairy often
//! adds what the ingredient does not have.

/// Something an item may hold, or a way of eating it may fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Trait {
    Milk,
    Lactose,
    Egg,
    Fish,
    /// Tree nuts.
    Nuts,
    Peanut,
    Soy,
    Gluten,
    Vegan,
    Vegetarian,
    Halal,
    Kosher,
    /// Nothing was added, so that there is nothing to be certified.
    Plain,
}

/// Three-valued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    Yes,
    No,
    Unknown,
}

/// All that is known of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    yes: u16,
    no: u16,
}

impl Traits {
    pub const fn of(self, what: Trait) -> Truth {
        if self.yes & what.bit() != 0 {
            Truth::Yes
        } else if self.no & what.bit() != 0 {
            Truth::No
        } else {
            Truth::Unknown
        }
    }

    const fn with(mut self, what: &[Trait]) -> Self {
        let mut rest = what;
        while let [first, tail @ ..] = rest {
            self.yes |= first.bit();
            self.no &= !first.bit();
            rest = tail;
        }
        self
    }

    const fn without(mut self, what: &[Trait]) -> Self {
        let mut rest = what;
        while let [first, tail @ ..] = rest {
            self.no |= first.bit();
            self.yes &= !first.bit();
            rest = tail;
        }
        self
    }

    const fn unsure(mut self, what: &[Trait]) -> Self {
        let mut rest = what;
        while let [first, tail @ ..] = rest {
            self.no &= !first.bit();
            self.yes &= !first.bit();
            rest = tail;
        }
        self
    }
}

impl Trait {
    const fn bit(self) -> u16 {
        match self {
            Self::Milk => 1,
            Self::Lactose => 1 << 1,
            Self::Egg => 1 << 2,
            Self::Fish => 1 << 3,
            Self::Nuts => 1 << 4,
            Self::Peanut => 1 << 5,
            Self::Soy => 1 << 6,
            Self::Gluten => 1 << 7,
            Self::Vegan => 1 << 8,
            Self::Vegetarian => 1 << 9,
            Self::Halal => 1 << 10,
            Self::Kosher => 1 << 11,
            Self::Plain => 1 << 12,
        }
    }
}

use Trait::{
    Egg, Fish, Gluten, Halal, Kosher, Lactose, Milk, Nuts, Peanut, Plain, Soy, Vegan, Vegetarian,
};

const UNKNOWN: Traits = Traits { yes: 0, no: 0 };
const NO_ALLERGEN: Traits = UNKNOWN.without(&[Milk, Lactose, Egg, Fish, Nuts, Peanut, Soy, Gluten]);
/// A plant, or water, with nothing in it.
const PLANT: Traits = NO_ALLERGEN.with(&[Vegan, Vegetarian, Halal, Kosher, Plain]);
/// As sold, with something added that is no allergen and no animal.
const PREPARED_PLANT: Traits = PLANT.unsure(&[Plain]);
/// From an animal, as it is.
const ANIMAL: Traits = NO_ALLERGEN.without(&[Vegan]).with(&[Plain]);
const DAIRY: Traits = ANIMAL.with(&[Milk, Lactose, Vegetarian]);
/// Holds milk; what else is in it is on the pack.
const DAIRY_PRODUCT: Traits = UNKNOWN.with(&[Milk, Lactose]).without(&[Vegan]);
/// From wheat; milk, egg, soy and nuts are up to the baker.
const BAKED: Traits = UNKNOWN.with(&[Gluten]).without(&[Fish]);

pub(super) fn of(id: &str) -> Traits {
    match id {
        "water-500" | "banana" | "apple" | "orange" | "watermelon" | "date-medjool" | "raisins"
        | "rice-white" | "potato-baked" | "potato-boiled" | "sweet-potato" | "lentils"
        | "orange-juice" | "coconut-water" | "coffee-237" | "espresso-30" | "black-tea-237" => {
            PLANT
        }
        // Grape products need supervision to be kosher.
        "grape-juice" => PLANT.unsure(&[Kosher]),
        // Often milled beside wheat.
        "oats-dry" | "oatmeal" => PLANT.unsure(&[Gluten]),
        "vegetable-juice" | "dill-pickle" | "table-salt-1g" => PREPARED_PLANT,
        "tofu-firm" => PREPARED_PLANT.with(&[Soy]),
        "soymilk" | "soy-isolate-28" => PREPARED_PLANT.with(&[Soy]),
        "almonds-salted" => PREPARED_PLANT.with(&[Nuts]).unsure(&[Peanut]),
        "peanuts-salted" => PREPARED_PLANT.with(&[Peanut]).unsure(&[Nuts]),
        "peanut-butter" => UNKNOWN.with(&[Peanut]),
        "milk-skim" | "milk-1pct" => DAIRY.with(&[Halal]),
        // Rennet and gelatin are up to the dairy.
        "greek-yogurt" => DAIRY,
        "cottage-cheese" => DAIRY.unsure(&[Vegetarian]),
        "choc-milk"
        | "muscle-milk-rtd-414"
        | "gatorade-whey-bar"
        | "gatorade-recover-shake"
        | "gatorade-super-shake" => DAIRY_PRODUCT,
        "on-casein-33" | "whey-powder-32" => DAIRY_PRODUCT.unsure(&[Lactose]),
        "honey" => ANIMAL.with(&[Vegetarian, Halal, Kosher]),
        "honey-stinger-waffle" => UNKNOWN.without(&[Vegan]),
        "egg-boiled" => ANIMAL.with(&[Egg, Vegetarian, Halal, Kosher]),
        "salmon" => ANIMAL.with(&[Fish, Halal, Kosher]).without(&[Vegetarian]),
        // Canned in broth by some.
        "tuna-canned" => ANIMAL
            .with(&[Fish, Halal])
            .without(&[Vegetarian])
            .unsure(&[Soy, Milk, Lactose, Gluten, Plain]),
        "chicken-breast" => ANIMAL.without(&[Vegetarian]),
        "chicken-broth" => UNKNOWN.without(&[Vegan, Vegetarian]),
        "pasta" | "bread-white" | "bread-whole" | "bagel" | "english-muffin" | "pretzels" => BAKED,
        _ => UNKNOWN,
    }
}
