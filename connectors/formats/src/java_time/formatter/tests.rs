use super::*;
use crate::java_time::parse_zone;

#[test]
fn a_text_without_a_zone_is_of_the_zone_that_is_given() {
    let zone = parse_zone("Europe/Berlin").unwrap();
    for (pattern, text, millis) in [
        ("yyyy-MM-dd HH:mm", "2023-07-01 12:00", Some(1_688_205_600_000)),
        // The clock goes back: the first of the two.
        ("yyyy-MM-dd HH:mm", "2023-10-29 02:30", Some(1_698_539_400_000)),
        // It goes forward: what is left out is an hour later.
        ("yyyy-MM-dd HH:mm", "2023-03-26 02:30", Some(1_679_794_200_000)),
        ("yyyy-MM-dd", "2023-07-01", Some(1_688_162_400_000)),
        ("yyyy-MM-dd HH:mm X", "2023-07-01 12:00 Z", Some(1_688_212_800_000)),
        ("HH:mm", "12:00", None),
    ] {
        assert_eq!(DateTimeFormatter::new(pattern, "").unwrap().parse(text, &zone), millis, "{pattern} {text}");
    }
}

#[test]
fn weeks_are_those_of_the_locale() {
    let sunday = 1_704_585_600_000;
    for (locale, week) in [
        ("", "2-1"),
        ("en-US", "2-1"),
        ("en", "2-1"),
        ("de-DE", "1-7"),
        ("en_GB", "1-7"),
        ("de", "1-7"),
        ("zh-CN", "1-7"),
    ] {
        assert_eq!(DateTimeFormatter::new("w-e", locale).unwrap().format(sunday, &Zone::utc()), week, "{locale}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic(
        pattern in "[GuyDMLdQqYwEecahKkHmsSAnNVzOXxZ\\[\\]':/ .-]{0,14}",
        text in "[0-9a-zA-Z:+./ -]{0,24}",
        millis: i64,
    ) {
        let zone = parse_zone("America/New_York").unwrap();
        if let Ok(format) = DateTimeFormatter::new(&pattern, "en-US") {
            let _ = format.parse(&text, &zone);
            let _ = format.parse(&format.format(millis, &zone), &zone);
        }
    }

    #[test]
    fn a_full_pattern_reads_back_what_it_wrote(millis in -60_000_000_000_000_i64..200_000_000_000_000) {
        let zone = parse_zone("+05:30").unwrap();
        let format = DateTimeFormatter::new("uuuu-MM-dd'T'HH:mm:ss.SSS[xx]", "").unwrap();
        proptest::prop_assert_eq!(format.parse(&format.format(millis, &zone), &Zone::utc()), Some(millis));
    }
}

#[test]
fn fractions_of_a_second_are_read_to_the_nanosecond() {
    let format = DateTimeFormatter::new("yyyy-MM-dd HH:mm:ss.SSSSSSSSS", "").unwrap();
    let nanos = format.parse_nanos("1970-01-01 00:00:01.000000007", &Zone::utc());
    assert_eq!(nanos, Some(1_000_000_007));
    let before = format.parse_nanos("1969-12-31 23:59:59.999999999", &Zone::utc());
    assert_eq!(before, Some(-1), "the epoch is no border");
}
