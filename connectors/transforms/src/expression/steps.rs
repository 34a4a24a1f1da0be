//! How much work a record may make.

/// Steps that one record may take: an expression that loops over loops must end some time.
const MAX: u64 = 2_000_000;

/// The steps that one evaluation has taken. A step is a part of the expression that is looked at, a pair of values that
/// is compared, or 64 bytes of text that are read or made.
#[derive(Debug, Default)]
pub(super) struct Steps(u64);

impl Steps {
    pub(super) fn take(&mut self, steps: u64) {
        self.0 = self.0.saturating_add(steps);
    }

    /// Takes the steps of reading so many bytes.
    pub(super) fn take_bytes(&mut self, bytes: usize) {
        self.take(bytes as u64 / 64);
    }

    /// Not so any more once too many were taken; whoever stopped early because of that has no result.
    pub(super) fn are_left(&self) -> bool {
        self.0 <= MAX
    }
}
