use super::*;

fn regex(pattern: &str) -> JavaRegex {
    JavaRegex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

#[test]
fn patterns_match_what_they_match_in_java() {
    for (pattern, text, whole) in [
        ("ord(.*)", "orders", true),
        ("ORD", "orders", false),
        ("(?i)ORDERS", "orders", true),
        ("a|ab", "ab", true),
        ("^a$", "a", true),
        (".", "\r", false),
        (".", "\u{2028}", false),
        ("(?s).", "\n", true),
        ("(?d).", "\r", true),
        ("[a-z&&[^aeiou]]+", "xyz", true),
        ("[a-z&&[^aeiou]]+", "xaz", false),
        ("[^a[b]]", "b", false),
        ("[]a]", "]", true),
        ("[a-]", "-", true),
        ("[$.#~-]+", "#-~.$", true),
        (r"\d+", "\u{661}", false),
        (r"(?U)\d+", "\u{661}", true),
        (r"\w+\s\h", "a_1 \t", true),
        (r"\p{Alpha}\p{Lu}\P{L}\pN", "aZ-5", true),
        (r"\p{IsLatin}\p{javaLowerCase}\p{script=Greek}", "aaα", true),
        (r"\Qa.b\E+", "a.bbb", true),
        (r"\Qa.b\E+", "axb", false),
        (r"\x41\u0042\x{43}\0104\cA", "ABCD\u{1}", true),
        (r"\uD83D\uDE00", "😀", true),
        (r"(a)\1", "aa", true),
        (r"(?<x>a)\k<x>", "aa", true),
        ("a++a", "aaa", false),
        ("(?>a*)b", "aab", true),
        ("(?=ab)ab", "ab", true),
        ("(?<!x)ab", "ab", true),
        ("a{2,3}?", "aaa", true),
        ("(?x) a b # and more", "ab", true),
        ("a}]", "a}]", true),
        ("", "", true),
        (r"a\-b\<c\>", "a-b<c>", true),
        (r"\Ba", "a", false),
    ] {
        assert_eq!(regex(pattern).matches(text), Ok(whole), "{pattern} {text:?}");
    }
}

#[test]
fn the_end_may_stand_before_the_last_line_terminator() {
    for (pattern, text, found) in [
        ("a$", "a\n", true),
        ("a$", "a\r\n", true),
        ("a$", "a\n\n", false),
        ("a\r$", "a\r\n", false),
        (r"a\Z", "a\u{2028}", true),
        (r"a\z", "a\n", false),
        ("a$", "ab", false),
        ("(?m)a$", "a\nb", true),
    ] {
        assert_eq!(regex(pattern).is_found(text), Ok(found), "{pattern} {text:?}");
    }
}

#[test]
fn what_is_not_supported_is_refused() {
    for pattern in [r"\X", r"\p{InGreek}", r"\N{SPACE}", r"\b{g}", &"(".repeat(300)] {
        assert!(JavaRegex::new(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn replacements_follow_javas_rules() {
    for (pattern, text, replacement, first, all) in [
        ("(o)(r)", "orders-or", "$2$1", "roders-or", "roders-ro"),
        ("(?<n>or)ders", "orders", "${n}-x", "or-x", "or-x"),
        ("orders", "orders", r"\$1", "$1", "$1"),
        ("(a)|b", "b", "[$1]", "[]", "[]"),
        ("(a)", "a", "$12", "a2", "a2"),
        ("x*", "ab", "-", "-ab", "-a-b-"),
        ("é", "aéé", "$0$0", "aééé", "aéééé"),
    ] {
        let regex = regex(pattern);
        let replacement = Replacement::new(replacement, &regex).unwrap();
        assert_eq!(regex.replace_first(text, &replacement).unwrap().as_deref(), Some(first));
        assert_eq!(regex.replace_all(text, &replacement).unwrap(), all);
    }
    for (replacement, message) in [
        ("$9", "No group 9"),
        ("$", "Illegal group reference: group index is missing"),
        ("$x", "Illegal group reference"),
        ("${y}", "No group with name {y}"),
        ("${1}", "capturing group name {1} starts with digit character"),
        ("${", "named capturing group has 0 length name"),
        ("${y", "named capturing group is missing trailing '}'"),
        ("\\", "character to be escaped is missing"),
    ] {
        let error = Replacement::new(replacement, &regex("(a)")).unwrap_err();
        assert_eq!(error.message.as_deref(), Some(message));
    }
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic(
        pattern in "[\\[\\](){}|*+?^$.\\\\a-cQEpkdx<>=!:,0-9&-]{0,14}",
        text in "[a-c\\n0-9]{0,12}",
    ) {
        if let Ok(regex) = JavaRegex::new(&pattern) {
            let _ = regex.matches(&text);
            if let Ok(replacement) = Replacement::new("<$0>", &regex) {
                let _ = regex.replace_all(&text, &replacement);
            }
        }
    }
}
