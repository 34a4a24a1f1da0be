//! The single message transforms and predicates, under their Java class names.
//!
//! A transform is a function of its configuration and of one record: no clock, no I/O, no knowledge of where records
//! come from or go. [`plugins`] is the table of what there is.

use longshore_api::TransformPlugin;

/// All transforms and predicates that are built in, by class name.
pub fn plugins() -> &'static [TransformPlugin] {
    &[]
}
