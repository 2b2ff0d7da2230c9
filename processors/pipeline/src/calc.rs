//! The formulas alone: JSON values in, JSON values out.
//!
//! Somebody who doubts a number of the pipeline can put the inputs of one formula in here and see
//! what it makes of them. It is the same code that the pipeline runs, only the shape differs.
//!
//! It is not a second set of rules: nothing is computed here that `processors-domain` could compute.
//!
//! Invariants: an object gives an object, an array an array of the same length; a field that no
//! formula knows is refused, so that a misspelt one is never taken for its default; what is unknown
//! is `null`.

mod fields;
mod local;
mod needs;
mod posterior;
mod select;
mod weigh_in;

use std::fmt;

use serde_json::Value;

use fields::Fields;
pub use select::{Basket, Baskets};

/// Most items of one array: a day's workouts of many athletes, not a data set.
pub const ITEMS_MAX: usize = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    LocalToWholeBody,
    WeighIn,
    Posterior,
    Needs,
    Select,
}

/// Why an input has no answer: which item, which field, what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The position in the array, from 0; `None` for a single object.
    pub item: Option<usize>,
    /// `None` where the input as a whole is wrong.
    pub field: Option<String>,
    pub why: String,
}

impl Refused {
    fn whole(why: impl Into<String>) -> Self {
        Self {
            item: None,
            field: None,
            why: why.into(),
        }
    }

    fn field(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            item: None,
            field: Some(name.into()),
            why: why.into(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(item) = self.item {
            write!(formatter, "item {item}: ")?;
        }
        if let Some(field) = &self.field {
            write!(formatter, "`{field}` ")?;
        }
        formatter.write_str(&self.why)
    }
}

impl std::error::Error for Refused {}

/// One formula on one object, or on each object of an array.
pub fn calc(formula: Formula, input: &Value) -> Result<Value, Refused> {
    let Value::Array(items) = input else {
        return one(formula, input);
    };
    if items.len() > ITEMS_MAX {
        return Err(Refused::whole(format!(
            "{} items are more than the {ITEMS_MAX} that one call takes; split the array",
            items.len()
        )));
    }
    let answers = items.iter().enumerate().map(|(item, input)| {
        one(formula, input).map_err(|refused| Refused {
            item: Some(item),
            ..refused
        })
    });
    answers
        .collect::<Result<Vec<Value>, Refused>>()
        .map(Value::Array)
}

fn one(formula: Formula, input: &Value) -> Result<Value, Refused> {
    match formula {
        Formula::LocalToWholeBody => local::calc(&Fields::of(input, local::NAMES)?),
        Formula::Select => select::calc(&Fields::of(input, select::NAMES)?),
        Formula::WeighIn => weigh_in::calc(&Fields::of(input, weigh_in::NAMES)?),
        Formula::Posterior => posterior::calc(&Fields::of(input, posterior::NAMES)?),
        Formula::Needs => needs::calc(&Fields::of(input, needs::NAMES)?),
    }
}

#[cfg(test)]
mod tests;
