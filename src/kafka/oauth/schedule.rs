//! When a token is replaced: the rule of Java's refreshing login. Times are in milliseconds since the epoch.

use super::settings::Refresh;
use super::token::Token;

/// When to replace a token that was fetched at `now`. `chance`, between 0 and 1, spreads clients.
pub(super) fn renewal(now: i64, token: &Token, refresh: &Refresh, chance: f64) -> i64 {
    let lifetime = (token.expires - token.issued).max(0) as f64;
    let proposed = token.issued.saturating_add((lifetime * (refresh.factor + refresh.jitter * chance)) as i64);
    let last = token.expires.saturating_sub(refresh.buffer_ms);
    let first = now.saturating_add(refresh.least_ms);
    // A token that lives too short for both bounds is replaced by the share of its life alone.
    if first > last { proposed.max(now) } else { proposed.clamp(first, last) }
}

/// The pause before the next try, after so many failed ones in a row.
pub(super) fn pause(failures: u32, refresh: &Refresh) -> i64 {
    let doubled = refresh.backoff_ms.saturating_mul(1 << failures.saturating_sub(1).min(20));
    doubled.min(refresh.backoff_max_ms).max(1)
}
