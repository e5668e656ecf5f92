//! The rules within a crate: imports go down the layers, imports of files form no cycle, and the name of a
//! type occurs once.

use std::collections::{BTreeMap, BTreeSet};

use super::cycles;
use super::list::{self, CrateRules};
use super::modules::{Import, Modules, TypeDefinition};

/// The findings in one crate.
pub(super) struct Findings {
    pub(super) imports: usize,
    pub(super) cycles: usize,
    pub(super) faults: Vec<String>,
}

/// Checks a crate; without rules, its layers are not checked.
pub(super) fn check(modules: &Modules, rules: Option<&CrateRules>) -> Findings {
    let imports = modules.imports();
    let mut faults = Vec::new();
    if let Some(rules) = rules {
        faults.extend(unlisted(modules, rules));
        faults.extend(upwards(modules, &imports, rules));
    }
    let cycles = file_cycles(modules, &imports);
    let count = cycles.len();
    faults.extend(cycles);
    if count == 0 && rules.is_some() {
        faults.extend(module_cycles(modules, &imports));
    }
    faults.extend(double_types(modules));
    let pairs: BTreeSet<_> = imports.iter().map(|import| (import.from, import.to)).collect();
    Findings { imports: pairs.len(), cycles: count, faults }
}

/// Rows of modules that match the existing imports, the highest first.
pub(super) fn suggest(modules: &Modules) -> Vec<Vec<String>> {
    let nodes = modules.top_level_modules();
    let edges = module_edges(modules, &modules.imports());
    let names: Vec<&String> = nodes.iter().collect();
    let at = |name: &str| names.iter().position(|other| *other == name);
    let edges =
        edges.keys().filter_map(|(from, to)| Some((at(from)?, at(to)?))).collect::<BTreeSet<_>>();
    let rows = cycles::rows(&(0..names.len()).collect(), &edges);
    rows.into_iter().map(|row| row.into_iter().map(|at| names[at].clone()).collect()).collect()
}

fn unlisted(modules: &Modules, rules: &CrateRules) -> Vec<String> {
    let there = modules.top_level_modules();
    let listed: BTreeSet<String> = rules.layers.iter().flatten().cloned().collect();
    let missing =
        there.difference(&listed).map(|name| format!("{} lacks the module {name}", list::PATH));
    let gone =
        listed.difference(&there).map(|name| format!("{}: there is no module {name}", list::PATH));
    missing.chain(gone).collect()
}

/// Imports of a higher layer by a lower one. The root of the crate is above all layers.
fn upwards(modules: &Modules, imports: &[Import], rules: &CrateRules) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for import in imports {
        let Some(from) = modules.top_level(import.from) else { continue };
        // The first import of a file represents all others to the same target.
        if !seen.insert((import.from, import.to)) {
            continue;
        }
        let place = place(modules, import);
        let Some(to) = modules.top_level(import.to) else {
            faults.push(format!(
                "{place}, which the root of the crate defines: it is above all layers"
            ));
            continue;
        };
        if let (Some(low), Some(high)) = (rules.layer(&from), rules.layer(&to))
            && low > high
        {
            faults.push(format!("{place}, but {from} is a layer below {to}"));
        }
    }
    faults
}

fn file_cycles(modules: &Modules, imports: &[Import]) -> Vec<String> {
    let mut first: BTreeMap<(usize, usize), &Import> = BTreeMap::new();
    for import in imports {
        first.entry((import.from, import.to)).or_insert(import);
    }
    let edges = first.keys().copied().collect();
    let cycles = cycles::shortest(&edges);
    cycles
        .iter()
        .map(|cycle| {
            let round: Vec<usize> = cycle.iter().chain(&cycle[..1]).copied().collect();
            let names: Vec<_> = round.iter().map(|file| shown(modules, *file)).collect();
            let steps = round.windows(2).filter_map(|pair| first.get(&(pair[0], pair[1])));
            let steps: String =
                steps.map(|import| format!("\n      {}", place(modules, import))).collect();
            format!("cycle: {}{steps}", names.join(" → "))
        })
        .collect()
}

/// Cycles of modules at the root whose files form none, for example if `a/x` imports `b/y` and `b/z` imports
/// `a/w`.
fn module_cycles(modules: &Modules, imports: &[Import]) -> Vec<String> {
    let edges = module_edges(modules, imports);
    let names = edges.keys().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let cycles = cycles::shortest(&names);
    cycles
        .iter()
        .map(|cycle| {
            let round: Vec<&str> = cycle.iter().chain(&cycle[..1]).copied().collect();
            let steps = round
                .windows(2)
                .filter_map(|pair| edges.get(&(pair[0].to_owned(), pair[1].to_owned())));
            let steps: String =
                steps.map(|import| format!("\n      {}", place(modules, import))).collect();
            format!("cycle of modules: {}{steps}", round.join(" → "))
        })
        .collect()
}

fn module_edges(modules: &Modules, imports: &[Import]) -> BTreeMap<(String, String), Import> {
    let mut edges = BTreeMap::new();
    for import in imports {
        let ends = (modules.top_level(import.from), modules.top_level(import.to));
        if let (Some(from), Some(to)) = ends
            && from != to
        {
            edges.entry((from, to)).or_insert_with(|| import.clone());
        }
    }
    edges
}

/// Names of types with more than one definition, except for alternatives of which a build contains only one.
fn double_types(modules: &Modules) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<&TypeDefinition>> = BTreeMap::new();
    for definition in &modules.types {
        by_name.entry(&definition.name).or_default().push(definition);
    }
    let mut faults = Vec::new();
    for (name, definitions) in by_name {
        let conditions: BTreeSet<_> = definitions.iter().map(|found| &found.conditions).collect();
        let are_alternatives = conditions.len() == definitions.len()
            && conditions.iter().all(|conditions| !conditions.is_empty());
        if definitions.len() > 1 && !are_alternatives {
            let places: Vec<_> = definitions
                .iter()
                .map(|found| format!("{}:{}", shown(modules, found.file), found.line))
                .collect();
            faults.push(format!("{} types are called {name}: {}", places.len(), places.join(", ")));
        }
    }
    faults
}

fn place(modules: &Modules, import: &Import) -> String {
    let [from, to] = [import.from, import.to].map(|file| shown(modules, file));
    format!("{from}:{} imports {} ({to})", import.line, import.path)
}

fn shown(modules: &Modules, file: usize) -> String {
    modules.files[file].display().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    /// A crate of small files; the first one is its root.
    fn load(files: &[(&str, &str)]) -> Modules {
        let all: BTreeMap<&Path, &str> =
            files.iter().map(|(path, text)| (Path::new(*path), *text)).collect();
        let read = |path: &Path| Ok(all.get(path).map(ToString::to_string));
        Modules::load(Path::new(files[0].0), &read).unwrap()
    }

    /// The imports of a crate as `a.rs:1 b.rs`.
    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let modules = load(files);
        let imports = modules.imports();
        let line = |import: &Import| {
            let [from, to] = [import.from, import.to].map(|file| shown(&modules, file));
            format!("{from}:{} {to}", import.line)
        };
        imports.iter().map(line).collect()
    }

    /// The faults of a crate with these layers.
    fn faults(layers: &[&[&str]], files: &[(&str, &str)]) -> Vec<String> {
        let row = |layer: &&[&str]| layer.iter().map(ToString::to_string).collect();
        let rules = CrateRules {
            name: "example".into(),
            layers: layers.iter().map(row).collect(),
            ..CrateRules::default()
        };
        check(&load(files), Some(&rules)).faults
    }

    const TWO: &str = "mod a;\nmod b;\n";

    #[test]
    fn a_use_of_another_file_is_an_import() {
        let b = ("b.rs", "pub struct Thing;\npub mod inner { pub fn f() {} }");
        for written in [
            "use crate::b::Thing;",
            "use crate::{b::Thing as Other};",
            "use super::b::Thing;",
            "use crate::b::{self, Thing};",
            "use crate::b::*;",
            "use crate::b::inner::f;",
            "fn f() { use crate::b::Thing; }",
        ] {
            assert_eq!(
                imports(&[("lib.rs", TWO), ("a.rs", written), b]),
                ["a.rs:1 b.rs"],
                "{written}"
            );
        }
    }

    #[test]
    fn a_path_written_in_place_is_an_import() {
        let b = ("b.rs", "pub struct Thing;\npub fn f() -> u8 { 0 }\npub enum Kind { One }");
        for written in [
            "fn g() { crate::b::f(); }",
            "fn g() { let x = crate::b::Thing; }",
            "fn g(x: &super::b::Thing) {}",
            "fn g(x: Option<Vec<crate::b::Thing>>) {}",
            "impl From<crate::b::Thing> for u8 { fn from(_: u8) -> u8 { 0 } }",
            "fn g(x: u8) { if let crate::b::Kind::One = x {} }",
            "fn g() { println!(\"{}\", crate::b::f()); }",
            "fn g() { vec![0; ..super::b::f()] }",
            "macro_rules! m { () => { $crate::b::f() } }",
            "#[serde(with = \"crate::b::f\")]\nstruct S;",
            "#[arg(value_parser = crate::b::f)]\nstruct S;",
            "use crate::b; fn g() { b::f(); }",
            "use crate::b as other; fn g() { other::f(); }",
        ] {
            assert_eq!(
                imports(&[("lib.rs", TWO), ("a.rs", written), b]),
                ["a.rs:1 b.rs"],
                "{written}"
            );
        }
    }

    #[test]
    fn super_and_self_lead_through_the_tree() {
        let files = [
            ("lib.rs", "mod low;\nmod top;"),
            ("low.rs", "pub fn f() {}"),
            ("top/mod.rs", "mod one;\nmod two;\npub struct Thing;\nfn g() { self::two::h(); }"),
            (
                "top/one.rs",
                "use super::Thing;\nuse super::super::low::f;\nuse super::two;\nfn g() { two::h() }",
            ),
            (
                "top/two.rs",
                "pub fn h() {}\nmod inner { fn g() { super::super::super::low::f(); } }",
            ),
        ];
        assert_eq!(
            imports(&files),
            [
                "top/mod.rs:4 top/two.rs",
                "top/one.rs:2 low.rs",
                "top/one.rs:1 top/mod.rs",
                "top/one.rs:4 top/two.rs",
                "top/two.rs:2 low.rs",
            ]
        );
    }

    #[test]
    fn a_reexport_leads_to_the_file_that_defines() {
        let lib = "mod a;\nmod b;\npub use b::deep::Thing;\npub use b::deep::Thing as Renamed;\npub use b::*;";
        let b = ("b/mod.rs", "pub mod deep;\npub(crate) use deep::*;");
        let deep = ("b/deep.rs", "pub struct Thing;\npub fn f() {}");
        for written in [
            "use crate::Thing;",
            "use crate::Renamed;",
            "use crate::b::Thing;",
            "use super::b::f;",
            "fn g() { crate::f() }",
            "use crate::b; fn g() -> b::Thing { todo!() }",
        ] {
            let files = [("lib.rs", lib), ("a.rs", written), b, deep];
            assert_eq!(imports(&files), ["a.rs:1 b/deep.rs"], "{written}");
        }
    }

    #[test]
    fn a_reexport_is_no_import_but_what_its_file_uses_is() {
        let child = ("a/child.rs", "use super::Base;\npub struct Thing;");
        let shows = "pub mod child;\npub use child::Thing;\npub struct Base;";
        let lib = ("lib.rs", "mod a;\npub use a::Thing;");
        assert_eq!(imports(&[lib, ("a/mod.rs", shows), child]), ["a/child.rs:1 a/mod.rs"]);
        for uses in [
            "pub mod child;\nuse child::Thing;\npub struct Base;",
            "pub mod child;\npub use child::Thing;\npub struct Base(Thing);",
            "pub mod child;\npub struct Base(child::Thing);",
        ] {
            let files = [lib, ("a/mod.rs", uses), child];
            let found = faults(&[&["a"]], &files);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("cycle: a/mod.rs → a/child.rs → a/mod.rs\n"), "{found:?}");
        }
        // Items of a sibling module are not included.
        let files =
            [("lib.rs", TWO), ("a.rs", "pub use super::b::Thing;"), ("b.rs", "pub struct Thing;")];
        assert_eq!(imports(&files), ["a.rs:1 b.rs"]);
    }

    #[test]
    fn a_macro_without_an_import_is_found_where_it_is_defined() {
        let lib = "#[macro_use]\nmod b;\nmod a;";
        let b = ("b.rs", "macro_rules! make { () => {} }");
        assert_eq!(imports(&[("lib.rs", lib), ("a.rs", "make!();"), b]), ["a.rs:1 b.rs"]);
    }

    #[test]
    fn paths_that_are_no_imports() {
        let b = ("b.rs", "pub struct Thing;\npub fn f() {}");
        for written in [
            "#[cfg(test)]\nmod tests { use crate::b::Thing; }",
            "#[cfg(test)]\nmod tests;",
            "#[cfg(all(test, unix))]\nuse crate::b::Thing;",
            "#![cfg(test)]\nuse crate::b::Thing;",
            "struct S; impl S { #[cfg(test)] fn f() { crate::b::f(); } }",
            "/// [`crate::b::Thing`]\nstruct S;",
            "use std::b::Thing;\nuse ::b::f;",
            "use crate::a::Own;\nstruct Own;",
            "pub(in crate::b) fn g() {}",
            "mod child { pub struct Thing; } use child::Thing;",
        ] {
            let found = imports(&[("lib.rs", TWO), ("a.rs", written), b]);
            assert_eq!(found, Vec::<String>::new(), "{written}");
        }
        let not_tests = "#[cfg(not(test))]\nuse crate::b::Thing;";
        assert_eq!(imports(&[("lib.rs", TWO), ("a.rs", not_tests), b]), ["a.rs:2 b.rs"]);
    }

    #[test]
    fn modules_are_found_like_by_the_compiler() {
        let files = [
            ("src/lib.rs", "mod a;\n#[path = \"other/place.rs\"]\nmod c;"),
            ("src/a.rs", "mod deep;\nmod inline { mod far; }"),
            ("src/a/deep.rs", "use crate::c::Thing;\n#[path = \"../x.rs\"]\nmod x;"),
            ("src/x.rs", "\nuse super::super::super::c::Thing;"),
            ("src/a/inline/far.rs", "use crate::c::beside::f;"),
            ("src/other/place.rs", "pub mod beside;\npub struct Thing;"),
            ("src/other/beside.rs", "pub fn f() {}"),
        ];
        assert_eq!(
            imports(&files),
            [
                "a/deep.rs:1 other/place.rs",
                "x.rs:2 other/place.rs",
                "a/inline/far.rs:1 other/beside.rs"
            ]
        );
        let missing = Modules::load(Path::new("lib.rs"), &|path: &Path| {
            Ok((path == Path::new("lib.rs")).then(|| "mod a;".to_owned()))
        });
        assert_eq!(missing.unwrap_err().to_string(), "no file has the module a of lib.rs");
    }

    #[test]
    fn an_import_from_a_lower_layer_to_a_higher_one_is_named() {
        let files = [
            ("lib.rs", "mod high;\nmod low;\npub const LIMIT: u8 = 1;"),
            ("high/mod.rs", "pub mod part;"),
            ("high/part.rs", "pub struct Thing;"),
            (
                "low.rs",
                "\nfn f() -> crate::high::part::Thing { todo!() }\nfn g() -> u8 { crate::LIMIT }",
            ),
        ];
        assert_eq!(
            faults(&[&["high"], &["low"]], &files),
            [
                "low.rs:3 imports crate::LIMIT (lib.rs), which the root of the crate defines: it is above all layers",
                "low.rs:2 imports crate::high::part::Thing (high/part.rs), but low is a layer below high",
            ]
        );
        assert_eq!(faults(&[&["low"], &["high"]], &files).len(), 1, "the root alone");
    }

    #[test]
    fn cycles_of_files_and_of_modules_are_named() {
        let three = "mod a;\nmod b;\nmod c;";
        let files = [
            ("lib.rs", three),
            ("a.rs", "use crate::b::B;\npub struct A;"),
            ("b.rs", "\nuse crate::c::C;\npub struct B;"),
            ("c.rs", "pub struct C(super::a::A);"),
        ];
        assert_eq!(
            faults(&[&["a", "b", "c"]], &files),
            ["cycle: a.rs → b.rs → c.rs → a.rs\
              \n      a.rs:1 imports crate::b::B (b.rs)\
              \n      b.rs:2 imports crate::c::C (c.rs)\
              \n      c.rs:1 imports super::a::A (a.rs)"]
        );
        let files = [
            ("lib.rs", TWO),
            ("a/mod.rs", "mod x;\npub mod w;"),
            ("a/x.rs", "use crate::b::y::Y;"),
            ("a/w.rs", "pub struct W;"),
            ("b/mod.rs", "pub mod y;\nmod z;"),
            ("b/y.rs", "pub struct Y;"),
            ("b/z.rs", "use crate::a::w::W;"),
        ];
        let found = faults(&[&["a", "b"]], &files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("cycle of modules: a → b → a\n"), "{found:?}");
    }

    #[test]
    fn the_list_contains_exactly_the_modules() {
        let files = [("lib.rs", "mod a;\nmod inline {}"), ("a.rs", "")];
        assert_eq!(faults(&[&["a"]], &files), Vec::<String>::new());
        assert_eq!(
            faults(&[&["b"]], &files),
            ["docs/layers.txt lacks the module a", "docs/layers.txt: there is no module b"]
        );
    }

    #[test]
    fn a_type_name_that_occurs_twice_is_named() {
        let twice =
            |a: &str, b: &str| faults(&[&["a", "b"]], &[("lib.rs", TWO), ("a.rs", a), ("b.rs", b)]);
        for definition in [
            "struct State;",
            "enum State {}",
            "trait State {}",
            "type State = u8;",
            "union State { x: u8 }",
        ] {
            let found = twice("\nenum State {}", &format!("fn f() {{ {definition} }}"));
            assert_eq!(found, ["2 types are called State: a.rs:2, b.rs:1"]);
        }
        let tests = "#[cfg(test)]\nmod tests { struct State; }";
        assert_eq!(twice("struct State;", tests), Vec::<String>::new());
        // A build contains only one of these.
        let [unix, other] = ["#[cfg(unix)]\nstruct State;", "#[cfg(not(unix))]\nstruct State;"];
        assert_eq!(twice(unix, other), Vec::<String>::new());
        assert_eq!(twice(unix, unix).len(), 1);
        assert_eq!(twice(unix, "struct State;").len(), 1);
        assert_eq!(twice("trait Like { type State; }", "struct State;"), Vec::<String>::new());
    }

    #[test]
    fn a_suggestion_fits_the_imports() {
        let modules = load(&[
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "pub struct B;"),
            ("c.rs", "use crate::b::B;"),
        ]);
        assert_eq!(suggest(&modules), [vec!["a", "c"], vec!["b"]]);
    }
}
