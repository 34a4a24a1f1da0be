use super::*;

fn plain(path: &str) -> Option<String> {
    plain_path(path).ok()
}

#[test]
fn a_path_loses_its_last_slash_and_matrix_parameters() {
    assert_eq!(plain("/").as_deref(), Some("/"));
    assert_eq!(plain("/connectors/").as_deref(), Some("/connectors"));
    assert_eq!(plain("/connectors;x=1/a;b/status").as_deref(), Some("/connectors/a/status"));
    assert_eq!(plain("/connectors/a%3Bb").as_deref(), Some("/connectors/a%3Bb"));
}

#[test]
fn ambiguous_paths_are_refused() {
    for path in [
        "//",
        "/a//b",
        "/a//",
        "/a%2Fb",
        "/a%2fb",
        "/a%25b",
        "/a%5Cb",
        "/%2e%2e/a",
        "/a%00",
        "/a%0A",
        "/%zz",
        "/%4",
        "/%",
        "/%ff",
        "/..;/a",
        "a",
    ] {
        assert_eq!(plain(path), None, "{path}");
    }
}

#[test]
fn accept_takes_ranges() {
    let accepting = |text: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, text.parse().unwrap());
        accepts(&headers, "application", "json")
    };
    for text in ["*/*", "application/*", "APPLICATION/JSON", "text/html, application/json;q=0", "", "*", "x, */*"] {
        assert!(accepting(text), "{text}");
    }
    for text in ["text/html", "application/jsonp", "text/*", "nonsense"] {
        assert!(!accepting(text), "{text}");
    }
}

#[test]
fn a_location_encodes_what_a_path_cannot_hold() {
    let found = |name| location(Scheme("http"), &HeaderMap::new(), name);
    assert_eq!(found("a\"b'c"), "/connectors/a%22b'c");
    assert_eq!(found("a;b=c:d@e/f"), "/connectors/a;b=c:d@e/f");
    assert_eq!(found("a?b#c%d\\é{}"), "/connectors/a%3Fb%23c%25d%5C%C3%A9%7B%7D");
}
