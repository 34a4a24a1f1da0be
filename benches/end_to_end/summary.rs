//! A handful of figures in one cell.

/// The middle and the ends of some figures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    median: f64,
    least: f64,
    most: f64,
}

impl Summary {
    /// `None` if there are no figures.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        let middle = |at: usize| figures.get(at).copied().unwrap_or(most);
        let count = figures.len();
        let median = if count % 2 == 1 { middle(count / 2) } else { (middle(count / 2 - 1) + middle(count / 2)) / 2.0 };
        Some(Self { median, least, most })
    }

    /// The median, and the ends where they differ from it.
    pub(crate) fn show(self, unit: Unit) -> String {
        let [median, least, most] = [self.median, self.least, self.most].map(|figure| unit.show(figure));
        if least == most { median } else { format!("{median} ({least}–{most})") }
    }
}

/// How a figure is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// Thousands, without a sign for them: `412`.
    Thousands,
    /// Of seconds.
    Milliseconds,
    Seconds,
    /// Of bytes: millions.
    Megabytes,
    Percent,
    /// How many times as much.
    Times,
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Thousands => significant(figure / 1e3),
            Self::Milliseconds => format!("{:.0}", figure * 1e3),
            Self::Seconds => significant(figure),
            Self::Megabytes => significant(figure / 1e6),
            Self::Percent => significant(figure * 1e2),
            Self::Times => format!("{figure:.2}"),
        }
    }
}

/// Three digits, more only in front of the point.
fn significant(figure: f64) -> String {
    let digits = match figure.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{figure:.digits$}")
}
