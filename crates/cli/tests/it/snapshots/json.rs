//! JSON documents of one line, broken into lines.

/// The text with its JSON documents broken into lines. The keys keep their order. What depends on the clock has
/// placeholders: numbers with a fraction, the bottleneck and the advice on it, and the timeline.
pub(super) fn broken(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| if is_document(line) { document(line) } else { line.to_owned() })
        .collect()
}

fn is_document(line: &str) -> bool {
    line.starts_with('{') && serde_json::from_str::<serde_json::Value>(line).is_ok()
}

fn document(line: &str) -> String {
    let mut out = String::new();
    let mut depth = 0;
    let mut key = "";
    let mut rest = line.trim_end();
    while let Some(token) = first_token(rest) {
        let after = &rest[token.len()..];
        match token {
            "{" | "[" if key == "\"timeline\"" => {
                out.push_str("[timeline]");
                rest = after_nested(rest);
                key = "";
                continue;
            }
            // Empty ones stay on their line.
            "{" | "[" if after.starts_with(['}', ']']) => {
                out.push_str(&rest[..2]);
                rest = &rest[2..];
                continue;
            }
            "{" | "[" => {
                depth += 1;
                out.push_str(token);
                new_line(&mut out, depth);
            }
            "}" | "]" => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push_str(token);
                new_line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            _ if after.starts_with(':') => {
                key = token;
                out.push_str(token);
            }
            "null" => out.push_str(token),
            _ if ["\"bottleneck\"", "\"advice\""].contains(&key) => {
                out.push_str(&format!("[{}]", key.trim_matches('"')));
            }
            _ if !token.starts_with('"') && token.contains(['.', 'e']) && is_number(token) => {
                out.push_str("[number]");
            }
            _ => out.push_str(token),
        }
        rest = after;
    }
    out + "\n"
}

fn is_number(token: &str) -> bool {
    token.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

/// A mark, a string, or a number or word.
fn first_token(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    let length = match first {
        '{' | '}' | '[' | ']' | ',' | ':' => 1,
        '"' => {
            let mut escaped = false;
            let end = text[1..].find(|c| {
                let is_end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                is_end
            });
            end? + 2
        }
        _ => text.find(['{', '}', '[', ']', ',', ':']).unwrap_or(text.len()),
    };
    Some(&text[..length])
}

/// What follows the object or list that the text begins with.
fn after_nested(text: &str) -> &str {
    let mut depth = 0;
    let mut rest = text;
    while let Some(token) = first_token(rest) {
        rest = &rest[token.len()..];
        depth += match token {
            "{" | "[" => 1,
            "}" | "]" => -1,
            _ => 0,
        };
        if depth == 0 {
            break;
        }
    }
    rest
}

#[test]
fn a_document_is_broken_into_lines() {
    let line = "{\"b\":[1,2.5],\"a\":{\"x, y\":\"\\\"{\"},\"e\":[],\"advice\":\"run\",\"timeline\":{\"s\":[[0.1]]}}\n";
    let expected = "{\n  \"b\": [\n    1,\n    [number]\n  ],\n  \"a\": {\n    \"x, y\": \"\\\"{\"\n  },\n  \
                    \"e\": [],\n  \"advice\": [advice],\n  \"timeline\": [timeline]\n}\n";
    assert_eq!(broken(line), expected);
    assert_eq!(broken("{not json}\n"), "{not json}\n");
}
