use super::*;

/// `bits text`, as Java 17 prints them.
fn recorded(text: &str) -> impl Iterator<Item = (u64, &str)> {
    text.lines().map(|line| {
        let (bits, text) = line.split_once(' ').unwrap();
        (u64::from_str_radix(bits, 16).unwrap(), text)
    })
}

#[test]
fn doubles_read_as_java_17_prints_them() {
    for (bits, text) in recorded(include_str!("../../tests/golden/doubles.txt")) {
        assert_eq!(double(f64::from_bits(bits)), text, "{bits:x}");
    }
}

#[test]
fn floats_read_as_java_17_prints_them() {
    for (bits, text) in recorded(include_str!("../../tests/golden/floats.txt")) {
        assert_eq!(float(f32::from_bits(bits as u32)), text, "{bits:x}");
    }
}
#[test]
fn decimals_are_plain_unless_they_are_huge_or_tiny() {
    for (unscaled, scale, text) in [
        ("0", 0, "0"),
        ("0", 2, "0.00"),
        ("0", -3, "0E+3"),
        ("-1234", 2, "-12.34"),
        ("5", 3, "0.005"),
        ("1", 6, "0.000001"),
        ("1", 7, "1E-7"),
        ("-15", 9, "-1.5E-8"),
        ("1", -5, "1E+5"),
        ("123", -5, "1.23E+7"),
        ("12345678901234567890123", 3, "12345678901234567890.123"),
    ] {
        assert_eq!(decimal(&BigDecimal::new(unscaled.parse().unwrap(), scale)), text);
    }
}

#[test]
fn dates_follow_the_calendar_that_java_follows() {
    for (millis, text) in [
        (0, "Thu Jan 01 00:00:00 UTC 1970"),
        (-1, "Wed Dec 31 23:59:59 UTC 1969"),
        (1_700_000_000_123, "Tue Nov 14 22:13:20 UTC 2023"),
        (-12_219_292_800_000, "Fri Oct 15 00:00:00 UTC 1582"),
        (-12_219_292_800_001, "Thu Oct 04 23:59:59 UTC 1582"),
        (-62_135_596_800_000, "Mon Jan 03 00:00:00 UTC 1"),
        (-70_000_000_000_000, "Fri Oct 19 19:33:20 UTC 250"),
        (i64::MAX, "Sun Aug 17 07:12:55 UTC 292278994"),
        (i64::MIN, "Sun Dec 02 16:47:04 UTC 292269055"),
    ] {
        assert_eq!(date(millis), text);
    }
}

#[test]
fn days_and_dates_are_each_others_inverse() {
    for days in (-800_000..800_000).step_by(7) {
        let time = calendar::DateTime::from_millis(days * calendar::MILLIS_PER_DAY);
        assert_eq!(calendar::days(time.year, time.month, time.day), days);
    }
}
