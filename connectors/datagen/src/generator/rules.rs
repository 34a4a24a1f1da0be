//! Reads the rules that stand in a description.

use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Map, Value as Json};

use super::Choice;
use super::literal::whole;
use super::number::Series;

/// The rules of one type, and where they stand.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) object: &'a Map<String, Json>,
    pub(super) path: &'a str,
}

/// How many elements, characters or bytes: from the first to the last, both included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length {
    least: usize,
    most: usize,
}

impl Length {
    /// The most that a rule may ask for.
    pub(super) const MAX: usize = 100_000;
    /// What holds without a rule.
    pub(super) const DEFAULT: Self = Self { least: 8, most: 15 };

    pub(super) fn exactly(count: usize) -> Self {
        Self { least: count, most: count }
    }

    /// At least as many as this.
    pub(super) fn or_more(self) -> Self {
        Self { most: Self::MAX, ..self }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn holds(&self, count: usize) -> bool {
        (self.least..=self.most).contains(&count)
    }

    pub(super) fn pick(&self, rng: &mut SmallRng) -> usize {
        if self.least == self.most { self.least } else { rng.random_range(self.least..=self.most) }
    }
}

impl<'a> Rules<'a> {
    pub(super) fn error(&self, rule: &str, what: impl std::fmt::Display) -> String {
        format!("{}: {rule}: {what}", self.path)
    }

    pub(super) fn get(&self, rule: &str) -> Option<&'a Json> {
        self.object.get(rule)
    }

    /// A rule that is an object.
    pub(super) fn group(&self, rule: &str) -> Result<Option<&'a Map<String, Json>>, String> {
        match self.get(rule) {
            None => Ok(None),
            Some(Json::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.error(rule, "an object is expected")),
        }
    }

    /// A rule that is a text; empty if it is not there.
    pub(super) fn text(&self, rule: &str) -> Result<&'a str, String> {
        match self.get(rule) {
            None => Ok(""),
            Some(Json::String(text)) => Ok(text),
            Some(_) => Err(self.error(rule, "a string is expected")),
        }
    }

    /// A rule that is a switch. A text that says so counts, as in the descriptions of old.
    pub(super) fn switch(&self, rule: &str) -> Result<bool, String> {
        match self.get(rule) {
            None | Some(Json::Bool(false)) => Ok(false),
            Some(Json::Bool(true)) => Ok(true),
            Some(Json::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(_) => Err(self.error(rule, "true or false is expected")),
        }
    }

    /// A rule that is a likelihood.
    pub(super) fn likelihood(&self, rule: &str) -> Result<Option<f64>, String> {
        match self.get(rule).map(Json::as_f64) {
            None => Ok(None),
            Some(Some(number)) if (0.0..=1.0).contains(&number) => Ok(Some(number)),
            Some(_) => Err(self.error(rule, "a number from 0 to 1 is expected")),
        }
    }

    /// A number of a group of rules.
    pub(super) fn number(&self, rule: &str, group: &Map<String, Json>, name: &str) -> Result<Option<f64>, String> {
        match group.get(name).map(Json::as_f64) {
            None => Ok(None),
            Some(Some(number)) if number.abs() <= f64::MAX => Ok(Some(number)),
            Some(_) => Err(self.error(rule, format!("{name:?} must be a number"))),
        }
    }

    fn whole(&self, rule: &str, group: &Map<String, Json>, name: &str) -> Result<Option<i64>, String> {
        match group.get(name).map(whole) {
            None => Ok(None),
            Some(Some(number)) => Ok(Some(number)),
            Some(None) => Err(self.error(rule, format!("{name:?} must be a whole number"))),
        }
    }

    /// `range` of whole numbers, both ends included; in the rule the upper end is not.
    pub(super) fn range(&self, limits: (i64, i64), default: (i64, i64)) -> Result<(i64, i64), String> {
        let Some(group) = self.group("range")? else { return Ok(default) };
        let low = self.whole("range", group, "min")?.unwrap_or(limits.0);
        let high = match self.whole("range", group, "max")? {
            Some(end) => end.checked_sub(1).ok_or_else(|| self.error("range", "\"max\" is too small"))?,
            None => limits.1,
        };
        if low < limits.0 || high > limits.1 || low > high {
            return Err(self.error("range", "\"min\" must be less than \"max\", and both in the range of the type"));
        }
        Ok((low, high))
    }

    /// `range` of numbers, the upper end not included.
    pub(super) fn real_range(&self, limits: (f64, f64), default: (f64, f64)) -> Result<(f64, f64), String> {
        let Some(group) = self.group("range")? else { return Ok(default) };
        let low = self.number("range", group, "min")?.unwrap_or(limits.0);
        let high = self.number("range", group, "max")?.unwrap_or(limits.1);
        if low < limits.0 || high > limits.1 || low >= high {
            return Err(self.error("range", "\"min\" must be less than \"max\", and both in the range of the type"));
        }
        Ok((low, high))
    }

    /// `length`, or the default.
    pub(super) fn length(&self, default: Length) -> Result<Length, String> {
        self.get("length").map_or(Ok(default), |json| self.length_of("length", json))
    }

    /// A length: a number, or an object of which the upper end is not included.
    pub(super) fn length_of(&self, rule: &str, json: &Json) -> Result<Length, String> {
        let (least, most) = match json {
            Json::Object(group) => {
                let least = self.whole(rule, group, "min")?.unwrap_or(0);
                let end = self.whole(rule, group, "max")?;
                // Without an upper end as many more as the default has.
                (least, end.map_or(least.saturating_add(8), |end| end.saturating_sub(1)))
            }
            _ => {
                let exact = whole(json).ok_or_else(|| self.error(rule, "a whole number or an object is expected"))?;
                (exact, exact)
            }
        };
        match (usize::try_from(least), usize::try_from(most)) {
            (Ok(least), Ok(most)) if least <= most && most <= Length::MAX => Ok(Length { least, most }),
            _ => {
                Err(self.error(rule, format!("\"min\" must be less than \"max\", and both from 0 to {}", Length::MAX)))
            }
        }
    }

    /// `iteration` of whole numbers.
    pub(super) fn series(&self, limits: (i64, i64)) -> Result<Series<i64>, String> {
        let rule = "iteration";
        let group = self.group(rule)?.ok_or_else(|| self.error(rule, "it is missing"))?;
        let start = self.whole(rule, group, "start")?.ok_or_else(|| self.error(rule, "\"start\" is missing"))?;
        let step = self.whole(rule, group, "step")?;
        let restart = self.whole(rule, group, "restart")?;
        let restart = restart.unwrap_or(if step.unwrap_or(1) < 0 { limits.0 } else { limits.1 });
        let step = step.unwrap_or(if restart < start { -1 } else { 1 });
        let initial = self.whole(rule, group, "initial")?.unwrap_or(start);
        let range = limits.0..=limits.1;
        let fits = range.contains(&start) && range.contains(&restart) && is_series(start, restart, step, initial, 0);
        if fits { Ok(Series { start, restart, step, initial }) } else { Err(self.no_series()) }
    }

    /// `iteration` of numbers.
    pub(super) fn real_series(&self, limits: (f64, f64)) -> Result<Series<f64>, String> {
        let rule = "iteration";
        let group = self.group(rule)?.ok_or_else(|| self.error(rule, "it is missing"))?;
        let number = |name: &str| self.number(rule, group, name);
        let start = number("start")?.ok_or_else(|| self.error(rule, "\"start\" is missing"))?;
        let (step, restart) = (number("step")?, number("restart")?);
        let restart = restart.unwrap_or(if step.unwrap_or(1.0) < 0.0 { limits.0 } else { limits.1 });
        let step = step.unwrap_or(if restart < start { -1.0 } else { 1.0 });
        let initial = number("initial")?.unwrap_or(start);
        let range = limits.0..=limits.1;
        let fits = range.contains(&start) && range.contains(&restart) && is_series(start, restart, step, initial, 0.0);
        if fits { Ok(Series { start, restart, step, initial }) } else { Err(self.no_series()) }
    }

    fn no_series(&self) -> String {
        self.error(
            "iteration",
            "\"restart\" must differ from \"start\", \"step\" must lead from \"start\" to \"restart\", \"initial\" must \
             lie between them, and all of them in the range of the type",
        )
    }

    /// How one of `count` is chosen by weights that stand in an array, or by place in an object.
    pub(super) fn weights(&self, rule: &str, count: usize) -> Result<Choice, String> {
        let weights: Vec<Option<f64>> = match self.get(rule) {
            None => return Ok(Choice::Even),
            Some(Json::Array(weights)) if weights.len() == count => weights.iter().map(Json::as_f64).collect(),
            Some(Json::Object(by_place))
                if by_place.keys().all(|key| key.parse().is_ok_and(|at: usize| at < count)) =>
            {
                (0..count).map(|at| by_place.get(&at.to_string()).map_or(Some(0.0), Json::as_f64)).collect()
            }
            Some(_) => return Err(self.error(rule, format!("{count} weights are expected"))),
        };
        let (mut sums, mut sum) = (Vec::with_capacity(count), 0.0);
        for weight in weights {
            sum += weight.filter(|weight| *weight >= 0.0).unwrap_or(f64::NAN);
            sums.push(sum);
        }
        if sum.is_finite() && sum > 0.0 {
            Ok(Choice::Weighted(sums))
        } else {
            Err(self.error(rule, "weights must be numbers of at least 0, and not all 0"))
        }
    }
}

fn is_series<T: PartialOrd>(start: T, restart: T, step: T, initial: T, zero: T) -> bool {
    (start < restart && step > zero && initial >= start && initial < restart)
        || (start > restart && step < zero && initial <= start && initial > restart)
}
