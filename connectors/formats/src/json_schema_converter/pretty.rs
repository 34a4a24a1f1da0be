//! `json.indent.output`: JSON over several lines, as Jackson's default pretty printer writes it.

/// Appends a text of well formed JSON without blanks, indented.
pub(super) fn append(out: &mut Vec<u8>, json: &[u8]) {
    let mut depth = 0;
    // Which of the open levels are arrays: they stay on one line.
    let mut arrays: Vec<bool> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => {
                let end = string_end(json, at);
                out.extend_from_slice(&json[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' if json.get(at + 1) == Some(&(byte + 2)) => {
                out.extend_from_slice(&[byte, b' ', byte + 2]);
                at += 2;
                continue;
            }
            b'{' => {
                depth += 1;
                arrays.push(false);
                out.push(byte);
                line(out, depth);
            }
            b'[' => {
                arrays.push(true);
                out.extend_from_slice(b"[ ");
            }
            b'}' => {
                depth -= 1;
                arrays.pop();
                line(out, depth);
                out.push(byte);
            }
            b']' => {
                arrays.pop();
                out.extend_from_slice(b" ]");
            }
            b':' => out.extend_from_slice(b" : "),
            b',' if arrays.last() == Some(&true) => out.extend_from_slice(b", "),
            b',' => {
                out.push(byte);
                line(out, depth);
            }
            other => out.push(other),
        }
        at += 1;
    }
}

fn line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', depth * 2));
}

/// Where the string that begins at `start` ends.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    #[test]
    fn documents_are_indented_as_by_jackson() {
        let mut out = Vec::new();
        super::append(&mut out, br#"{"a":1,"b":[1,{"c":"x,\"y"}],"d":{},"e":[]}"#);
        let expected =
            "{\n  \"a\" : 1,\n  \"b\" : [ 1, {\n    \"c\" : \"x,\\\"y\"\n  } ],\n  \"d\" : { },\n  \"e\" : [ ]\n}";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
