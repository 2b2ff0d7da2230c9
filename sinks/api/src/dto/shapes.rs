//! Names of shapes that no type of ours has: `docs/shapes.json` says what they are.

use utoipa::ToSchema;

/// A value of a field.
#[derive(ToSchema)]
pub(super) struct Scalar;

/// A part of what a source told.
#[derive(ToSchema)]
pub(super) struct Detail;
