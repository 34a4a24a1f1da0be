//! Prometheus' text format, version 0.0.4: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::Write as _;

use indexmap::IndexMap;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, until a restart.
    Counter,
}

/// Metrics in the order in which they were first named, each with all its samples, as the format wants them.
#[derive(Debug, Default)]
pub(super) struct Page {
    metrics: IndexMap<String, (Kind, &'static str, String)>,
}

impl Page {
    /// Adds a sample: a metric's name, what it tells, its labels, its value.
    pub(super) fn add(&mut self, name: &str, help: &'static str, kind: Kind, labels: &[(&str, &str)], value: f64) {
        if !self.metrics.contains_key(name) {
            self.metrics.insert(name.to_owned(), (kind, help, String::new()));
        }
        let Some((.., lines)) = self.metrics.get_mut(name) else { return };
        lines.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let _ = write!(lines, "{}{label}=\"{}\"", if index == 0 { '{' } else { ',' }, escaped(text));
        }
        lines.push_str(if labels.is_empty() { " " } else { "} " });
        number(value, lines);
        lines.push('\n');
    }

    pub(super) fn finish(self) -> String {
        let mut page = String::new();
        for (name, (kind, help, lines)) in self.metrics {
            let kind = match kind {
                Kind::Gauge => "gauge",
                Kind::Counter => "counter",
            };
            let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
        page
    }
}

fn number(value: f64, lines: &mut String) {
    let _ = match value {
        value if value.is_nan() => write!(lines, "NaN"),
        value if value.is_infinite() => write!(lines, "{}Inf", if value < 0.0 { '-' } else { '+' }),
        value => write!(lines, "{value}"),
    };
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
