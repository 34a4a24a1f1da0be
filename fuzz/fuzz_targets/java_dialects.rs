//! Java's dialects: regular expressions with replacements, numbers, date patterns. The first byte says which; the text
//! up to the first line break is the pattern, the rest the text to which it is applied.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore_formats::java_number;
use longshore_formats::java_regex::{JavaRegex, Replacement};
use longshore_formats::java_time::{DateTimeFormatter, JodaFormat, SimpleDateFormat, Zone, parse_zone};

const MOMENTS: [i64; 6] = [0, -1, 1_700_000_000_123, -62_135_596_800_000, 253_402_300_799_999, i64::MAX / 4];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let Ok(whole) = std::str::from_utf8(rest) else { return };
    let (pattern, text) = whole.split_once('\n').unwrap_or((whole, ""));
    match first % 5 {
        0 => regex(pattern, text),
        1 => {
            let _ = (java_number::integer::<i8>(whole), java_number::integer::<i64>(whole), java_number::float(whole));
            let _ =
                (java_number::double(whole), java_number::decimal(whole).map(|value| java_number::low_bits(&value)));
        }
        2 => simple(pattern, text),
        3 => {
            let Ok(format) = DateTimeFormatter::new(pattern, "en-US") else { return };
            let _ = (MOMENTS.map(|moment| format.format(moment, &Zone::utc())), format.parse(text, &Zone::utc()));
        }
        _ => {
            let zone = parse_zone(text).unwrap_or_else(|_| Zone::utc());
            let Ok(format) = JodaFormat::new(pattern) else { return };
            let _ = MOMENTS.map(|moment| format.format(moment, &zone));
        }
    }
});

fn regex(pattern: &str, text: &str) {
    let Ok(regex) = JavaRegex::new(pattern) else { return };
    let (text, replacement) = text.split_once('\n').unwrap_or((text, "$0-$1"));
    let _ = (regex.matches(text), regex.find(text).is_ok());
    if let Ok(replacement) = Replacement::new(replacement, &regex) {
        let _ = (regex.replace_first(text, &replacement), regex.replace_all(text, &replacement));
    }
}

/// A zone may stand behind a tabulator.
fn simple(pattern: &str, text: &str) {
    let (text, zone) = text.split_once('\t').unwrap_or((text, "UTC"));
    let zone = parse_zone(zone).unwrap_or_else(|_| Zone::utc());
    let Ok(format) = SimpleDateFormat::new(pattern, zone) else { return };
    let _ = (MOMENTS.map(|moment| format.format(moment)), format.parse(text));
}
