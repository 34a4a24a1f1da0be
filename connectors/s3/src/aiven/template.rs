//! `file.name.template`: the names of objects, and which records share one.
//!
//! `{{name}}` and `{{name:parameter=value}}` are replaced. Which variables a template has decides what is grouped:
//!
//! | variables | an object holds |
//! |---|---|
//! | `topic`, `partition`, `start_offset` (and `timestamp`) | the records of a partition |
//! | the same and `key` | those of them with the same key |
//! | `key` (and `topic`, `partition`) | the last record of a key: a later one takes its place |

use longshore_api::{ConnectError, Result};
use longshore_formats::java_time::Zone;

/// A variable of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variable {
    Topic,
    Partition {
        is_padded: bool,
    },
    StartOffset {
        is_padded: bool,
    },
    Timestamp(Unit),
    Key,
    /// Of a prefix: the present day.
    Today,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Year,
    Month,
    Day,
    Hour,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

/// Which records share an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    Partition,
    PartitionAndKey,
    /// One record an object, the last of its key.
    Key,
}

/// A template of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

/// What a name is made of.
pub(crate) struct Names<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) start_offset: i64,
    pub(crate) key: &'a str,
    /// Milliseconds since the epoch.
    pub(crate) time: i64,
    pub(crate) now: i64,
}

const SETS: &str = "topic,partition,start_offset,timestamp; topic,partition,key,start_offset,timestamp; key; \
                    key,topic,partition";
const PARAMETERS: &str = "partition:padding=true|false,start_offset:padding=true|false,timestamp:unit=yyyy|MM|dd|HH";

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, in the words of Aiven's connector.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((start, end)) = placeholder(rest) {
            parts.push(Part::Text(rest[..start].to_owned()));
            parts.push(Part::Variable(variable(rest[start + 2..end - 2].trim(), text)?));
            rest = &rest[end..];
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self(parts))
    }

    /// Which records share an object.
    ///
    /// # Errors
    /// The variables are not those of any grouping.
    pub(crate) fn grouping(&self) -> Result<Grouping, String> {
        let has = |wanted: fn(&Variable) -> bool| self.variables().any(wanted);
        let topic = has(|variable| *variable == Variable::Topic);
        let partition = has(|variable| matches!(variable, Variable::Partition { .. }));
        let offset = has(|variable| matches!(variable, Variable::StartOffset { .. }));
        let time = has(|variable| matches!(variable, Variable::Timestamp(_)));
        let key = has(|variable| *variable == Variable::Key);
        if self.variables().next().is_none() {
            let shown = self.shown();
            return Err(format!(
                "RecordGrouper requires that the template [{shown}] has variables defined. Supported variables are: {SETS}"
            ));
        }
        match (topic && partition && offset, key) {
            (true, true) => Ok(Grouping::PartitionAndKey),
            (true, false) => Ok(Grouping::Partition),
            (false, true) if !offset && !time => Ok(Grouping::Key),
            _ => Err(format!("unsupported set of template variables, supported sets are: {SETS}")),
        }
    }

    /// The name of an object.
    ///
    /// # Errors
    /// Kind BadRecord: the name has a time that is in no year of four digits.
    pub(crate) fn render(&self, names: &Names<'_>, zone: &Zone) -> Result<String> {
        let mut name = String::new();
        let date = |time: i64| {
            let local = jiff::Timestamp::from_millisecond(time.saturating_add(zone.offset(time)));
            let local =
                local.map_err(|_| ConnectError::data(format!("the timestamp {time} is in no year of four digits")))?;
            Ok::<_, ConnectError>(local.to_zoned(jiff::tz::TimeZone::UTC).datetime())
        };
        for part in &self.0 {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Variable(variable) => match variable {
                    Variable::Topic => name.push_str(names.topic),
                    Variable::Key => name.push_str(names.key),
                    Variable::Partition { is_padded: true } => name.push_str(&format!("{:010}", names.partition)),
                    Variable::Partition { is_padded: false } => name.push_str(&names.partition.to_string()),
                    Variable::StartOffset { is_padded: true } => name.push_str(&format!("{:020}", names.start_offset)),
                    Variable::StartOffset { is_padded: false } => name.push_str(&names.start_offset.to_string()),
                    Variable::Timestamp(unit) => {
                        let date = date(names.time)?;
                        name.push_str(&match unit {
                            Unit::Year => format!("{:04}", date.year()),
                            Unit::Month => format!("{:02}", date.month()),
                            Unit::Day => format!("{:02}", date.day()),
                            Unit::Hour => format!("{:02}", date.hour()),
                        });
                    }
                    Variable::Today => name.push_str(&date(names.now)?.date().to_string()),
                },
            }
        }
        Ok(name)
    }

    /// What the names of all objects of a topic begin with.
    pub(crate) fn beginning(&self, topic: &str) -> String {
        let mut beginning = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => beginning.push_str(text),
                Part::Variable(Variable::Topic) => beginning.push_str(topic),
                Part::Variable(_) => break,
            }
        }
        beginning
    }

    /// Whether an object of this name holds records of this partition, and no other's could have the name: where texts
    /// stand around the number of a partition, and a name has no keys of records, which may look like anything.
    pub(crate) fn is_of(&self, name: &str, topic: &str, partition: i32) -> bool {
        let is_edge = |part: Option<&Part>, at: fn(&str) -> Option<char>| match part {
            None => true,
            Some(Part::Text(text)) => at(text).is_some_and(|edge| !edge.is_ascii_digit()),
            Some(Part::Variable(_)) => false,
        };
        let is_plain = |index: usize| match &self.0[index] {
            Part::Variable(Variable::Key) => false,
            Part::Variable(Variable::Partition { .. } | Variable::StartOffset { .. }) => {
                let before = index.checked_sub(1).and_then(|before| self.0.get(before));
                is_edge(before, |text| text.chars().next_back())
                    && is_edge(self.0.get(index + 1), |text| text.chars().next())
            }
            _ => true,
        };
        (0..self.0.len()).all(is_plain) && self.strip(name, topic, partition) == Some("")
    }

    /// What is left of a name after all parts.
    fn strip<'n>(&self, name: &'n str, topic: &str, partition: i32) -> Option<&'n str> {
        let digits = |text: &'n str, count: usize| {
            text.split_at_checked(count).filter(|(digits, _)| digits.bytes().all(|one| one.is_ascii_digit()))
        };
        self.0.iter().try_fold(name, |rest, part| match part {
            Part::Text(text) => rest.strip_prefix(text.as_str()),
            Part::Variable(Variable::Topic) => rest.strip_prefix(topic),
            Part::Variable(Variable::Partition { is_padded: true }) => rest.strip_prefix(&format!("{partition:010}")),
            Part::Variable(Variable::Partition { .. }) => rest.strip_prefix(&partition.to_string()),
            Part::Variable(Variable::StartOffset { .. }) => {
                let rest_of = rest.trim_start_matches(|one: char| one.is_ascii_digit());
                (rest_of.len() < rest.len()).then_some(rest_of)
            }
            Part::Variable(Variable::Timestamp(Unit::Year)) => digits(rest, 4).map(|(_, rest)| rest),
            Part::Variable(Variable::Timestamp(_)) => digits(rest, 2).map(|(_, rest)| rest),
            Part::Variable(Variable::Today) => rest.split_at_checked(10).map(|(_, rest)| rest),
            Part::Variable(Variable::Key) => None,
        })
    }

    fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(variable) => Some(variable),
            Part::Text(_) => None,
        })
    }

    fn shown(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(_) => String::new(),
        };
        self.0.iter().map(text).collect()
    }
}

/// Where the first placeholder of a text starts and ends: braces, in which there are letters, digits, `_`, `:`, `=`.
fn placeholder(text: &str) -> Option<(usize, usize)> {
    let is_inner = |inner: &str| inner.trim().chars().all(|one| one.is_ascii_alphanumeric() || "_:=".contains(one));
    let ends = text.match_indices("}}");
    let found = ends.map(|(end, _)| (text[..end].rfind("{{"), end));
    let mut found = found.filter_map(|(start, end)| Some((start?, end)));
    found.find(|(start, end)| is_inner(&text[start + 2..*end])).map(|(start, end)| (start, end + 2))
}

fn variable(inner: &str, template: &str) -> Result<Variable, String> {
    let (name, parameter) = match inner.split_once(':') {
        Some((_, "")) => return Err("Wrong variable with parameter definition".to_owned()),
        Some((name, parameter)) => (name.trim(), Some(parameter.trim())),
        None => (inner, None),
    };
    if name.is_empty() {
        return Err(format!("Variable name hasn't been set for template: {template}"));
    }
    let parameter = match parameter.map(|parameter| parameter.split_once('=')) {
        None => None,
        Some(Some((parameter, value))) if !parameter.is_empty() && !value.is_empty() => Some((parameter, value)),
        Some(_) => return Err(format!("Parameter value for variable `{name}` has not been set")),
    };
    let unsupported =
        || Err(format!("unsupported set of template variables parameters, supported sets are: {PARAMETERS}"));
    let is_padded = |parameter| match parameter {
        None | Some(("padding", "false")) => Ok(false),
        Some(("padding", "true")) => Ok(true),
        Some(_) => unsupported().map(|()| false),
    };
    Ok(match name {
        "topic" => Variable::Topic,
        "key" => Variable::Key,
        "partition" => Variable::Partition { is_padded: is_padded(parameter)? },
        "start_offset" => Variable::StartOffset { is_padded: is_padded(parameter)? },
        "timestamp" => Variable::Timestamp(match parameter {
            // The years of weeks were never meant.
            Some(("unit", "yyyy" | "YYYY")) => Unit::Year,
            Some(("unit", "MM")) => Unit::Month,
            Some(("unit", "dd")) => Unit::Day,
            Some(("unit", "HH")) => Unit::Hour,
            Some(_) => return unsupported().map(|()| Variable::Key),
            None => {
                let values = "yyyy|MM|dd|HH";
                return Err(format!(
                    "parameter unit is required for the the variable timestamp, supported values are: {values}"
                ));
            }
        }),
        "utc_date" | "local_date" => Variable::Today,
        _ => return Err(format!("unsupported set of template variables, supported sets are: {SETS}")),
    })
}

#[cfg(test)]
mod tests {
    use longshore_formats::java_time::parse_zone;

    use super::*;

    fn rendered(template: &str) -> Result<(String, Grouping), String> {
        let template = Template::new(template)?;
        let grouping = template.grouping()?;
        // 2023-11-14T23:13:20 in Amsterdam.
        let time = 1_700_000_000_000;
        let names = Names { topic: "orders", partition: 3, start_offset: 1200, key: "k/1", time, now: time };
        Ok((template.render(&names, &parse_zone("Europe/Amsterdam").unwrap()).unwrap(), grouping))
    }

    #[test]
    fn names_are_what_the_template_says() {
        for (template, name, grouping) in [
            ("{{topic}}-{{partition}}-{{start_offset}}", "orders-3-1200", Grouping::Partition),
            (
                "a/{{ topic }}/{{partition:padding=true}}-{{ start_offset:padding=true }}.gz",
                "a/orders/0000000003-00000000000000001200.gz",
                Grouping::Partition,
            ),
            (
                "{{timestamp:unit=YYYY}}/{{timestamp:unit=MM}}/{{timestamp:unit=dd}}/{{timestamp:unit=HH}}/\
                 {{topic}}{{partition:padding=false}}{{start_offset}}",
                "2023/11/14/23/orders31200",
                Grouping::Partition,
            ),
            ("{{key}}-{{topic}}-{{partition}}-{{start_offset}}", "k/1-orders-3-1200", Grouping::PartitionAndKey),
            ("{{key}}", "k/1", Grouping::Key),
            ("{{topic}}/{{key}}", "orders/k/1", Grouping::Key),
            ("{{utc_date}}/{{key}}", "2023-11-14/k/1", Grouping::Key),
            ("{x}{{key}}}", "{x}k/1}", Grouping::Key),
        ] {
            assert_eq!(rendered(template), Ok((name.to_owned(), grouping)), "{template}");
        }
    }

    #[test]
    fn names_are_told_from_those_of_other_partitions() {
        let default = "{{topic}}-{{partition}}-{{start_offset}}.gz";
        let by_day = "{{topic}}/{{timestamp:unit=yyyy}}/{{partition:padding=true}}-{{start_offset:padding=true}}";
        for (template, name, is_own) in [
            (default, "orders-3-1200.gz", true),
            (default, "orders-31-1200.gz", false),
            (default, "orders-3-1200.gz.gz", false),
            (default, "orders-3-12-00.gz", false),
            (default, "orders-new-3-1200.gz", false),
            (by_day, "orders/2023/0000000003-00000000000000001200", true),
            (by_day, "orders/2023/0000000004-00000000000000001200", false),
            // Whose these are, nobody knows.
            ("{{topic}}{{partition}}-{{start_offset}}", "orders3-1200", false),
            ("{{topic}}-{{partition}}{{start_offset}}", "orders-31200", false),
            ("{{topic}}-{{partition}}-{{start_offset}}-{{key}}", "orders-3-1200-k", false),
        ] {
            assert_eq!(Template::new(template).unwrap().is_of(name, "orders", 3), is_own, "{template} {name}");
        }
        assert_eq!(Template::new(by_day).unwrap().beginning("orders"), "orders/");
    }

    #[test]
    fn a_template_that_names_nothing_is_refused() {
        for (template, why) in [
            ("name", "has variables defined"),
            ("{{topic}}", "unsupported set of template variables,"),
            ("{{topic}}-{{partition}}", "unsupported set of template variables,"),
            ("{{key}}-{{start_offset}}", "unsupported set of template variables,"),
            ("{{what}}", "unsupported set of template variables,"),
            ("{{}}", "Variable name hasn't been set"),
            ("{{topic:}}", "Wrong variable with parameter definition"),
            ("{{topic}}{{partition:padding}}{{start_offset}}", "has not been set"),
            (
                "{{topic}}{{partition:padding=maybe}}{{start_offset}}",
                "unsupported set of template variables parameters",
            ),
            ("{{topic}}{{partition}}{{start_offset}}{{timestamp}}", "parameter unit is required"),
            ("{{topic}}{{partition}}{{start_offset}}{{timestamp:unit=mm}}", "variables parameters"),
        ] {
            let error = rendered(template).unwrap_err();
            assert!(error.contains(why), "{template}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[{}:=é a-z_]{0,30}") {
            let _ = rendered(&text);
        }
    }
}
