use super::*;
use crate::java_time::parse_zone;

/// 22 November 1946, 80 years before this was written.
const CENTURY_START: i64 = -729_216_000_000;
/// 14 November 2023, 22:13:20.123 UTC, a Tuesday.
const MOMENT: i64 = 1_700_000_000_123;

fn format(pattern: &str, zone: &str) -> SimpleDateFormat {
    SimpleDateFormat::with_century_start(pattern, parse_zone(zone).unwrap(), CENTURY_START).unwrap()
}

#[test]
fn every_letter_is_written() {
    for (pattern, text) in [
        ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2023-11-14T22:13:20.123Z"),
        ("yy y yyy yyyyy", "23 2023 2023 02023"),
        ("G", "AD"),
        ("M MM MMM MMMM LLL", "11 11 Nov November Nov"),
        ("E EEEE u", "Tue Tuesday 2"),
        ("D F w W YYYY", "318 2 46 3 2023"),
        ("h hh K k H a", "10 10 10 22 22 PM"),
        ("S SSSS", "123 0123"),
        ("z zzzz Z X XX", "UTC Coordinated Universal Time +0000 Z Z"),
        ("'it''s' ''d''", "it's '14'"),
    ] {
        assert_eq!(format(pattern, "UTC").format(MOMENT), text, "{pattern}");
    }
    assert_eq!(format("yyyy-MM-dd HH:mm z Z X", "Europe/Berlin").format(MOMENT), "2023-11-14 23:13 CET +0100 +01");
    assert_eq!(format("HH:mm z", "+05:30").format(MOMENT), "03:43 GMT+05:30");
}

#[test]
fn what_is_no_pattern_is_refused_in_javas_words() {
    for (pattern, message) in [
        ("bogus", "Illegal pattern character 'b'"),
        ("'q", "Unterminated quote"),
        (&"X".repeat(4), "invalid ISO 8601 format: length=4"),
    ] {
        let error = SimpleDateFormat::new(pattern, crate::java_time::Zone::utc()).unwrap_err();
        assert_eq!(error.0, message);
    }
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic(pattern in "[GyMdkHmsSEDFwWahKzZYuXL':/ .-]{0,12}", text in "\\PC{0,20}", millis: i64) {
        for zone in ["UTC", "America/New_York"] {
            if let Ok(format) = SimpleDateFormat::with_century_start(&pattern, parse_zone(zone).unwrap(), CENTURY_START) {
                let _ = format.parse(&text);
                let _ = format.parse(&format.format(millis));
            }
        }
    }

    #[test]
    fn a_full_pattern_reads_back_what_it_wrote(millis in -1_500_000_000_000_i64..200_000_000_000_000) {
        let format = format("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "Asia/Tokyo");
        proptest::prop_assert_eq!(format.parse(&format.format(millis)), Some(millis));
    }
}
