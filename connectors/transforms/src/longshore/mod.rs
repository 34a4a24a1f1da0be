//! Longshore's own transforms.

mod derive;
mod expression;

use longshore_api::TransformPlugin;

use crate::plugin::transform;

/// They are versioned with the project.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Their rows in the table of plugins.
pub(crate) fn plugins() -> Vec<TransformPlugin> {
    vec![transform::<expression::ExpressionTransform>("longshore.transforms.Expression", VERSION)]
}
