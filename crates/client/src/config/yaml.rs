//! YAML as plain data: texts, lists and mappings.
//!
//! A value keeps its text as written. Only the code that uses a key knows whether `1e10` or `0123` is a
//! number; for a password or an id it never is.

use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

pub(super) type Map = BTreeMap<String, Node>;

/// A value of a file. It has no `Debug`, since it may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// An empty value, `~` or `null`.
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Map),
}

impl Node {
    /// The text; none for an empty one, which counts as missing.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Node::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn map(&self) -> Option<&Map> {
        match self {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn from_json(json: serde_json::Value) -> Node {
        match json {
            serde_json::Value::Null => Node::Null,
            serde_json::Value::String(text) => Node::Text(text),
            serde_json::Value::Array(items) => {
                Node::List(items.into_iter().map(Node::from_json).collect())
            }
            serde_json::Value::Object(map) => {
                Node::Map(map.into_iter().map(|(key, v)| (key, Node::from_json(v))).collect())
            }
            other => Node::Text(other.to_string()),
        }
    }
}

/// Merges `over` into `under`, mappings key by key; `over` has priority.
pub(super) fn merge(under: &mut Map, over: Map) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Node::Map(under)), Node::Map(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Aliases can expand a small file to a large one; real configurations stay far below these limits.
const MAX_NODES: usize = 100_000;
const MAX_DEPTH: usize = 64;

/// Parses a file with a single document; `Node::Null` for an empty file.
///
/// Merge keys (`<<`) are resolved as PyYAML does: the mapping's own keys have priority, then earlier
/// mappings. The last value of a repeated key applies.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            format!("{} at line {} column {}", error.info(), at.line(), at.col() + 1)
        })?;
        reader.take(event).map_err(|message| format!("{message} at line {}", span.start.line()))?;
    }
    Ok(reader.document.unwrap_or(Node::Null))
}

#[derive(Default)]
struct Reader {
    document: Option<Node>,
    /// Collections that are not closed yet, with the anchor of each.
    open: Vec<(Open, usize)>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

enum Open {
    List(Vec<Node>),
    /// The pairs so far, the mappings to merge, and the key without a value yet.
    Map {
        own: Map,
        merged: Vec<Node>,
        key: Option<String>,
    },
}

impl Reader {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_string = tag.as_deref().is_some_and(is_string_tag);
                let is_null = style == ScalarStyle::Plain
                    && !is_string
                    && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let node = if is_null { Node::Null } else { Node::Text(text.into_owned()) };
                self.complete(node, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.begin(Open::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => {
                self.begin(Open::Map { own: Map::new(), merged: Vec::new(), key: None }, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((open, anchor)) = self.open.pop() else { return Ok(()) };
                let node = match open {
                    Open::List(items) => Node::List(items),
                    Open::Map { own, merged, .. } => Node::Map(with_merged(own, merged)),
                };
                self.complete(node, anchor, 1)
            }
            Event::Alias(anchor) => {
                let Some((node, nodes)) = self.anchors.get(&anchor) else {
                    return Err("an alias is inside the node that it names".to_owned());
                };
                let (node, nodes) = (node.clone(), *nodes);
                self.complete(node, 0, nodes)
            }
            Event::DocumentStart(_) if self.document.is_some() => {
                Err("there is more than one document".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, anchor: usize) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        self.open.push((open, anchor));
        Ok(())
    }

    /// Adds a complete node to its collection. `nodes` is the number of nodes that it adds to the file.
    fn complete(&mut self, node: Node, anchor: usize, nodes: usize) -> Result<(), String> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err("it is too large".to_owned());
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), count(&node)));
        }
        match self.open.last_mut() {
            None => self.document = Some(node),
            Some((Open::List(items), _)) => items.push(node),
            Some((Open::Map { own, merged, key }, _)) => match key.take() {
                None => {
                    let Node::Text(text) = node else {
                        return Err("a key is not text".to_owned());
                    };
                    *key = Some(text);
                }
                Some(name) if name == "<<" => match node {
                    Node::Map(_) => merged.push(node),
                    Node::List(items) => merged.extend(items),
                    _ => return Err("only mappings can be merged with <<".to_owned()),
                },
                Some(name) => {
                    own.insert(name, node);
                }
            },
        }
        Ok(())
    }
}

fn count(node: &Node) -> usize {
    1 + match node {
        Node::Null | Node::Text(_) => 0,
        Node::List(items) => items.iter().map(count).sum(),
        Node::Map(map) => map.values().map(count).sum(),
    }
}

fn with_merged(mut own: Map, merged: Vec<Node>) -> Map {
    for node in merged {
        if let Node::Map(map) = node {
            for (key, value) in map {
                own.entry(key).or_insert(value);
            }
        }
    }
    own
}

fn is_string_tag(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == "str"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Converts to JSON, in which texts, lists and mappings can be compared.
    fn shown(node: &Node) -> serde_json::Value {
        match node {
            Node::Null => serde_json::Value::Null,
            Node::Text(text) => text.clone().into(),
            Node::List(items) => items.iter().map(shown).collect(),
            Node::Map(map) => map.iter().map(|(key, value)| (key.clone(), shown(value))).collect(),
        }
    }

    fn read(text: &str) -> Result<serde_json::Value, String> {
        parse(text).map(|node| shown(&node))
    }

    #[test]
    fn values_keep_their_text() {
        let text = "a: 1e10\nb: 0123\nc: 3.0\nd: ~\ne:\nf: ''\ng: '~'\nh: yes\ni: !!str null\n\
                    j: 1234e567890123456789012345678901\nk: [a, {b: c}]\n";
        assert_eq!(
            read(text).unwrap(),
            serde_json::json!({"a": "1e10", "b": "0123", "c": "3.0", "d": null, "e": null, "f": "",
                "g": "~", "h": "yes", "i": "null", "j": "1234e567890123456789012345678901",
                "k": ["a", {"b": "c"}]})
        );
        assert_eq!(read("").unwrap(), serde_json::Value::Null);
        assert_eq!(read("{\"a\": {\"b\": \"c\"}}").unwrap(), serde_json::json!({"a": {"b": "c"}}));
        assert_eq!(read("a: 1\na: 2\n").unwrap(), serde_json::json!({"a": "2"}));
    }

    #[test]
    fn merge_keys_yield_to_own_keys_and_to_earlier_ones() {
        let text = "x: &x {a: x, b: x, deep: {p: x}}\ny: &y {b: y, c: y}\n\
                    one: {<<: *x, a: own}\nboth:\n  <<: [*x, *y]\n  d: own\n";
        let read = read(text).unwrap();
        assert_eq!(read["one"], serde_json::json!({"a": "own", "b": "x", "deep": {"p": "x"}}));
        assert_eq!(
            read["both"],
            serde_json::json!({"a": "x", "b": "x", "c": "y", "d": "own", "deep": {"p": "x"}})
        );
    }

    #[test]
    fn bombs_and_broken_files_are_errors() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let alias = format!("*a{}, ", level - 1).repeat(8);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", alias.trim_end_matches(", ")));
        }
        assert!(read(&bomb).unwrap_err().contains("too large"));
        assert!(read(&"[".repeat(100)).unwrap_err().contains("too deeply"));
        for text in ["a: [b\n", "a: &x {b: *x}\n", "--- a\n--- b\n", "a: *unknown\n", "<<: 1\n"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
