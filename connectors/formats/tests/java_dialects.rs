//! What Java 17 made of patterns of dates and of regular expressions, replayed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "helpers of tests")]

use longshore_formats::java_regex::{JavaRegex, Match, Replacement};
use longshore_formats::java_time::{DateTimeFormatter, SimpleDateFormat, Zone, parse_zone};

/// The moment with which two-digit years begin in the recorded cases.
const CENTURY_START: i64 = -729_216_000_000;

/// Characters outside of ASCII, control characters and backslashes are written `\u001f`.
fn unescape(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(4);
        plain.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        plain.push_str(rest);
    }
    plain
}

/// Cases that differ on purpose: what the line has, and why.
const MEANT: [(&[&str], &str); 9] = [
    (&["Europe/Berlin -62167219200000"], "the offset of those days has seconds, which are left out"),
    (&["America/New_York -62167219200000"], "the same"),
    (&["zzzz\t", "/"], "long names of zones are their identifiers"),
    (&["\t99999999999\t"], "a number that makes Java's calendar overflow"),
    (&["\t20231114221320\t"], "the same"),
    (&["W", "\tUTC\t-12219292800000"], "weeks of October 1582 are counted as if it had been a whole month"),
    (&["F", "\tUTC\t-12219292800000"], "the same"),
    (&["Europe/London\t0\t1970-01-01 01:00 GMT"], "the IANA database says that this was British Standard Time"),
    (&["x{2}{3}\t"], "Java takes two quantifiers in a row and obeys one: refused"),
];

fn is_meant(line: &str) -> bool {
    // The pattern stands behind the letter that says which way it goes.
    let case = line.split_once('\t').map_or(line, |(way, case)| if way.len() == 1 { case } else { line });
    MEANT.iter().any(|(parts, _)| parts.iter().all(|part| case.contains(part)))
}

#[track_caller]
fn report(failing: &[String], of: usize) {
    assert!(of > 1000, "only {of} cases were read");
    assert!(failing.is_empty(), "{} of {of} differ:\n{}", failing.len(), failing.join("\n"));
}

#[test]
fn dates_are_written_and_read_as_by_simple_date_format() {
    let (mut failing, mut count) = (Vec::new(), 0);
    for line in include_str!("golden/simple-date-format.tsv").lines() {
        let [way, pattern, zone, input, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let format = SimpleDateFormat::with_century_start(pattern, parse_zone(zone).unwrap(), CENTURY_START).unwrap();
        let got = match way {
            "P" => format.parse(input).map_or("-".to_owned(), |millis| millis.to_string()),
            _ => format.format(input.parse().unwrap()),
        };
        count += 1;
        if got != expected && !is_meant(line) {
            failing.push(format!("{line}\n  got {got}"));
        }
    }
    report(&failing, count);
}

#[test]
fn dates_are_written_and_read_as_by_date_time_formatter() {
    let (mut failing, mut count) = (Vec::new(), 0);
    for line in include_str!("golden/date-time-formatter.tsv").lines() {
        let [way, pattern, locale, input, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let got = match (way, DateTimeFormatter::new(pattern, locale)) {
            ("E", Ok(_)) => "ok".to_owned(),
            (_, Err(error)) => error.0,
            ("P", Ok(format)) => format.parse(input, &Zone::utc()).map_or("-".to_owned(), |millis| millis.to_string()),
            (_, Ok(format)) => {
                let (zone, millis) = input.split_once(' ').unwrap();
                format.format(millis.parse().unwrap(), &parse_zone(zone).unwrap())
            }
        };
        count += 1;
        if got != expected && !is_meant(line) && !got.ends_with("is not supported") {
            failing.push(format!("{line}\n  got {got}"));
        }
    }
    report(&failing, count);
}

#[test]
fn regular_expressions_match_and_are_refused_as_by_java() {
    let (mut failing, mut count) = (Vec::new(), 0);
    for line in include_str!("golden/java-regex.tsv").lines() {
        let columns: Vec<String> = line.split('\t').map(unescape).collect();
        let [pattern, expected @ ..] = &columns[..] else { panic!("{line}") };
        let got = match (JavaRegex::new(pattern), expected) {
            (Err(error), _) => vec![format!("!{error}")],
            (Ok(regex), [text, ..]) => [vec![text.clone()], answers(&regex, text)].concat(),
            _ => panic!("{line}"),
        };
        count += 1;
        if got != expected && !is_meant(line) {
            failing.push(format!("{line}\n  got {got:?}"));
        }
    }
    report(&failing, count);
}

/// Whether all of it matches, the groups of the first match, and the text with all matches in brackets.
fn answers(regex: &JavaRegex, text: &str) -> Vec<String> {
    let groups = |found: Match<'_>| {
        let groups = (0..=regex.group_count()).map(|index| found.group(index).unwrap_or("~"));
        format!("={}", groups.collect::<Vec<_>>().join("|"))
    };
    let first = regex.find(text).unwrap().map_or("-".to_owned(), groups);
    let replacement = Replacement::new("<$0>", regex).unwrap();
    vec![regex.matches(text).unwrap().to_string(), first, regex.replace_all(text, &replacement).unwrap()]
}
