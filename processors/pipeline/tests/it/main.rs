//! The crate's proof from outside: what each source's items become, how hidden starts are placed, and
//! what comes of reports of what went wrong elsewhere.

#[cfg(test)]
mod hidden;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod merge;
#[cfg(test)]
mod normalize;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod told_again;
