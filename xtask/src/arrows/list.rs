//! The list of crates and layers, `docs/layers.txt`.

use anyhow::{Context as _, Result, bail, ensure};

use crate::places::root;

/// The path of the list, relative to the root of the workspace.
pub(crate) const PATH: &str = "docs/layers.txt";

/// A crate in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CrateRules {
    /// The name of its package.
    pub(crate) name: String,
    /// The crates of the workspace that it depends on.
    pub(crate) imports: Vec<String>,
    /// The modules at its root, the highest layer first.
    pub(crate) layers: Vec<Vec<String>>,
    /// The files and folders with `unsafe` code; without any, the crate has to forbid it.
    pub(crate) unsafe_in: Vec<String>,
}

impl CrateRules {
    /// The layer of a module, counted from the highest.
    pub(super) fn layer(&self, module: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.iter().any(|name| name == module))
    }
}

/// Reads the list of this workspace.
pub(crate) fn read() -> Result<Vec<CrateRules>> {
    let text = std::fs::read_to_string(root().join(PATH)).context(PATH)?;
    parse(&text).context(PATH)
}

fn parse(text: &str) -> Result<Vec<CrateRules>> {
    let mut crates: Vec<CrateRules> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(verb) = words.next() else { continue };
        let values: Vec<String> = words.map(ToOwned::to_owned).collect();
        let number = number + 1;
        ensure!(!values.is_empty(), "line {number}: nothing follows `{verb}`");
        if verb == "crate" {
            let [name] = &values[..] else { bail!("line {number}: one crate a line") };
            crates.push(CrateRules { name: name.clone(), ..CrateRules::default() });
            continue;
        }
        let rules = crates.last_mut().with_context(|| format!("line {number}: no crate yet"))?;
        match verb {
            "imports" => rules.imports.extend(values),
            "unsafe" => rules.unsafe_in.extend(values),
            "layer" => {
                for module in &values {
                    ensure!(rules.layer(module).is_none(), "line {number}: {module} occurs twice");
                }
                rules.layers.push(values);
            }
            _ => bail!("line {number}: `{verb}` is not crate, imports, unsafe or layer"),
        }
    }
    for rules in &crates {
        for import in &rules.imports {
            let is_below = crates
                .iter()
                .skip_while(|other| *other != rules)
                .skip(1)
                .any(|c| c.name == *import);
            ensure!(is_below, "{} imports {import}, which does not follow it", rules.name);
        }
    }
    Ok(crates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read() {
        let text = "# comment\ncrate a\n  imports b # why\n  unsafe map.rs\n  layer x\n  layer y z\n\ncrate b\n";
        let crates = parse(text).unwrap();
        assert_eq!(crates[0].imports, ["b"]);
        assert_eq!(crates[0].unsafe_in, ["map.rs"]);
        assert_eq!((crates[0].layer("x"), crates[0].layer("z")), (Some(0), Some(1)));
        assert_eq!(crates[0].layer("w"), None);
        assert_eq!(crates[1], CrateRules { name: "b".into(), ..CrateRules::default() });
    }

    #[test]
    fn mistakes_in_the_list_are_named() {
        for (text, message) in [
            ("layer x", "line 1: no crate yet"),
            ("crate a\nlayer", "line 2: nothing follows `layer`"),
            ("crate a\nlayers x", "line 2: `layers` is not crate, imports, unsafe or layer"),
            ("crate a\nlayer x\nlayer y x", "line 3: x occurs twice"),
            ("crate a\ncrate b\nimports a", "b imports a, which does not follow it"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message);
        }
    }
}
