//! Versions of plugins, and the ranges in which a configuration may ask for one (KIP-891).
//!
//! A range is written as Maven does: `1.2` and `[1.2]` mean that version alone, `[1.0,2.0)` what lies between.

use std::cmp::Ordering;

/// A range of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    low: Option<Bound>,
    high: Option<Bound>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    version: String,
    included: bool,
}

impl Range {
    /// Parses a range; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let exactly = |version: &str| {
            let bound = Some(Bound { version: version.to_owned(), included: true });
            is_version(version).then(|| Range { low: bound.clone(), high: bound })
        };
        if !text.starts_with(['[', '(']) {
            return exactly(text);
        }
        let inner = text.get(1..text.len().checked_sub(1)?)?;
        let (starts_in, ends_in) = (text.starts_with('['), text.ends_with(']'));
        if !ends_in && !text.ends_with(')') {
            return None;
        }
        let Some((low, high)) = inner.split_once(',') else {
            return if starts_in && ends_in { exactly(inner.trim()) } else { None };
        };
        let bound = |text: &str, included| match text.trim() {
            "" => Some(None),
            version => is_version(version).then(|| Some(Bound { version: version.to_owned(), included })),
        };
        Some(Range { low: bound(low, starts_in)?, high: bound(high, ends_in)? })
    }

    /// Whether a version lies in it.
    pub fn contains(&self, version: &str) -> bool {
        let above = self.low.as_ref().is_none_or(|bound| match compare(version, &bound.version) {
            Ordering::Greater => true,
            Ordering::Equal => bound.included,
            Ordering::Less => false,
        });
        let below = self.high.as_ref().is_none_or(|bound| match compare(version, &bound.version) {
            Ordering::Less => true,
            Ordering::Equal => bound.included,
            Ordering::Greater => false,
        });
        above && below
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let version = |bound: &Option<Bound>| bound.as_ref().map_or("", |bound| bound.version.as_str()).to_owned();
        let included = |bound: &Option<Bound>| bound.as_ref().is_some_and(|bound| bound.included);
        f.write_str(if included(&self.low) { "[" } else { "(" })?;
        write!(f, "{},{}", version(&self.low), version(&self.high))?;
        f.write_str(if included(&self.high) { "]" } else { ")" })
    }
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '-' | '_' | '+'))
}

/// Numbers compare as numbers; anything else as text, and below a number.
fn compare(left: &str, right: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(Option<u64>, String)> {
        let mut parts: Vec<_> =
            text.split(['.', '-', '_']).map(|part| (part.parse().ok(), part.to_ascii_lowercase())).collect();
        // 4.3 and 4.3.0 are the same version.
        while parts.last().is_some_and(|(number, _)| *number == Some(0)) {
            parts.pop();
        }
        parts
    };
    parts(left).cmp(&parts(right))
}
