//! The crate's proof from outside: what each source's items become.

mod normalize;
