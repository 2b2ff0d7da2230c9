//! The crate's proof from outside: what each source's items become, and how hidden starts are
//! placed.

#[cfg(test)]
mod hidden;
#[cfg(test)]
mod normalize;
#[cfg(test)]
mod quarantine;
