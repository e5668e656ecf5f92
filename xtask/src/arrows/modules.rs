//! The modules of a crate, and the resolution of paths in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::syntax::{self, Contents, Use, UseKind, WrittenPath};

/// A crate, from its root file down.
#[derive(Debug)]
pub(super) struct Modules {
    /// Paths relative to the folder of the root file, which is the first.
    pub(super) files: Vec<PathBuf>,
    pub(super) types: Vec<TypeDefinition>,
    modules: Vec<Module>,
    /// The files that define macros which are called without an import.
    macros: BTreeMap<String, usize>,
}

/// One import, by a declaration or by a path in place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) line: usize,
    /// The path as written.
    pub(super) path: String,
}

/// A type or trait, with all conditions under which it is compiled.
#[derive(Clone, Debug)]
pub(super) struct TypeDefinition {
    pub(super) name: String,
    pub(super) file: usize,
    pub(super) line: usize,
    pub(super) conditions: Vec<String>,
}

#[derive(Debug)]
struct Module {
    file: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    names: BTreeSet<String>,
    uses: Vec<Use>,
    paths: Vec<WrittenPath>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// An item that this module defines.
    Item(usize),
}

/// Returns the text of a file, `None` if the file does not exist.
pub(super) type Read<'a> = &'a dyn Fn(&Path) -> Result<Option<String>>;

impl Modules {
    /// Reads a crate from its root file.
    pub(super) fn load(root: &Path, read: Read<'_>) -> Result<Self> {
        let folder = root.parent().context("a root file is in a folder")?.to_owned();
        let mut loader = Loader { folder: &folder, read, loaded: Modules::empty() };
        let text = read(root)?.with_context(|| format!("there is no {}", root.display()))?;
        let contents = loader.parse(root, &text)?;
        let file = loader.file(root);
        loader.module(contents.unwrap_or_default(), None, file, [&folder, &folder], &[])?;
        Ok(loader.loaded)
    }

    fn empty() -> Self {
        Modules { files: vec![], types: vec![], modules: vec![], macros: BTreeMap::new() }
    }

    /// The module directly below the root that contains a file; `None` for the root file.
    pub(super) fn top_level(&self, file: usize) -> Option<String> {
        let mut at = self.modules.iter().position(|module| module.file == file)?;
        let mut name = None;
        while let Some(parent) = self.modules[at].parent {
            let mut siblings = self.modules[parent].children.iter();
            name = siblings.find(|(_, child)| **child == at).map(|(name, _)| name.clone());
            at = parent;
        }
        name
    }

    /// The names of the modules directly below the root that have files of their own.
    pub(super) fn top_level_modules(&self) -> BTreeSet<String> {
        let root = &self.modules[0];
        let files = root.children.iter();
        files
            .filter(|(_, child)| self.modules[**child].file != root.file)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// All imports between files, in the order of files and lines.
    pub(super) fn imports(&self) -> Vec<Import> {
        let mut imports = BTreeSet::new();
        for (id, module) in self.modules.iter().enumerate() {
            let mut add = |to: usize, line: usize, path: &[String], end: &str| {
                let path = path.join("::") + end;
                if to != module.file {
                    imports.insert(Import { from: module.file, to, line, path });
                }
            };
            for import in &module.uses {
                if self.is_reexport(id, import) {
                    continue;
                }
                let target = self.resolve(id, &import.path, &mut BTreeSet::new());
                match (target, &import.kind) {
                    (Some(Target::Item(to)), UseKind::Name(_)) => {
                        add(self.modules[to].file, import.line, &import.path, "");
                    }
                    (Some(Target::Item(to) | Target::Module(to)), UseKind::Glob) => {
                        add(self.modules[to].file, import.line, &import.path, "::*");
                    }
                    // A module is imported for its items; only the paths that begin with it count.
                    (Some(Target::Module(_)), UseKind::Name(_)) | (None, _) => {}
                }
            }
            for path in &module.paths {
                if let Some(to) = self.target_of(id, path) {
                    add(self.modules[to].file, path.line, &path.segments, "");
                }
            }
        }
        imports.into_iter().collect()
    }

    /// The file that defines the target of a path.
    fn target_of(&self, module: usize, path: &WrittenPath) -> Option<usize> {
        match self.resolve(module, &path.segments, &mut BTreeSet::new()) {
            Some(Target::Item(to)) => Some(to),
            Some(Target::Module(_)) => None,
            None if path.is_macro && path.segments.len() == 1 => {
                self.macros.get(&path.segments[0]).copied()
            }
            None => None,
        }
    }

    /// Whether a module only re-exports an item of a module below it: `pub use child::Name`.
    fn is_reexport(&self, module: usize, import: &Use) -> bool {
        import.is_public
            && (1..=import.path.len()).any(|length| {
                let start = &import.path[..length];
                let target = self.resolve_with(module, start, true, &mut BTreeSet::new());
                matches!(target, Some(Target::Module(to)) if self.is_below(to, module))
            })
    }

    fn is_below(&self, module: usize, above: usize) -> bool {
        let mut at = self.modules[module].parent;
        while let Some(parent) = at {
            if parent == above {
                return true;
            }
            at = self.modules[parent].parent;
        }
        false
    }

    fn resolve(&self, module: usize, path: &[String], seen: &mut Seen) -> Option<Target> {
        self.resolve_with(module, path, false, seen)
    }

    /// Set `is_start` if more segments follow the path, so that it names a module and not an item of the same
    /// name.
    fn resolve_with(
        &self,
        module: usize,
        path: &[String],
        is_start: bool,
        seen: &mut Seen,
    ) -> Option<Target> {
        let mut at = None;
        for (place, name) in path.iter().enumerate() {
            let more = is_start || place + 1 < path.len();
            at = Some(match (at, name.as_str()) {
                (None, "crate") => Target::Module(0),
                (None, "self") => Target::Module(module),
                (None, "super") => Target::Module(self.modules[module].parent?),
                (Some(Target::Module(to)), "super") => Target::Module(self.modules[to].parent?),
                (None, _) => self.lookup(module, name, more, seen)?,
                (Some(Target::Module(to)), _) => self.lookup(to, name, more, seen)?,
                // A variant or an associated item.
                (Some(Target::Item(to)), _) => return Some(Target::Item(to)),
            });
        }
        at
    }

    /// The target of a name in the scope of a module.
    fn lookup(&self, module: usize, name: &str, more: bool, seen: &mut Seen) -> Option<Target> {
        // Names that only refer to each other have no target.
        let asked = (module, name.to_owned(), more);
        if !seen.insert(asked.clone()) {
            return None;
        }
        let found = self.lookup_once(module, name, more, seen);
        seen.remove(&asked);
        found
    }

    fn lookup_once(
        &self,
        module: usize,
        name: &str,
        more: bool,
        seen: &mut Seen,
    ) -> Option<Target> {
        let scope = &self.modules[module];
        let child = scope.children.get(name).map(|child| Target::Module(*child));
        if more && child.is_some() {
            return child;
        }
        if scope.names.contains(name) {
            return Some(Target::Item(module));
        }
        let mut found = None;
        let named = |import: &&Use| matches!(&import.kind, UseKind::Name(alias) if alias == name);
        for import in scope.uses.iter().filter(named) {
            // `use name::name` refers to another crate if this one has no such name.
            match self.resolve_with(module, &import.path, more, seen) {
                Some(Target::Item(to)) if !more => return Some(Target::Item(to)),
                target => found = found.or(target),
            }
        }
        let mut globs = scope.uses.iter().filter(|import| import.kind == UseKind::Glob);
        found.or(child).or_else(|| {
            globs.find_map(|import| match self.resolve_with(module, &import.path, true, seen)? {
                Target::Module(to) if to != module => self.lookup(to, name, more, seen),
                _ => None,
            })
        })
    }
}

type Seen = BTreeSet<(usize, String, bool)>;

struct Loader<'a> {
    folder: &'a Path,
    read: Read<'a>,
    loaded: Modules,
}

impl Loader<'_> {
    fn parse(&self, path: &Path, text: &str) -> Result<Option<Contents>> {
        syntax::parse(text).map_err(|error| {
            let line = error.span().start().line;
            anyhow::anyhow!("{}:{line}: {error}", path.display())
        })
    }

    fn file(&mut self, path: &Path) -> usize {
        let shown = path.strip_prefix(self.folder).unwrap_or(path).to_owned();
        self.loaded.files.push(shown);
        self.loaded.files.len() - 1
    }

    /// Adds a module. Files of its children are searched in the first folder; `#[path]` is relative to the
    /// second.
    fn module(
        &mut self,
        contents: Contents,
        parent: Option<usize>,
        file: usize,
        [folder, base]: [&Path; 2],
        conditions: &[String],
    ) -> Result<usize> {
        let id = self.loaded.modules.len();
        let Contents { children, names, macros, uses, paths, types } = contents;
        self.loaded.modules.push(Module {
            file,
            parent,
            children: BTreeMap::new(),
            names: names.into_iter().collect(),
            uses,
            paths,
        });
        self.loaded.macros.extend(macros.into_iter().map(|name| (name, id)));
        self.loaded.types.extend(types.into_iter().map(|definition| TypeDefinition {
            name: definition.name,
            file,
            line: definition.line,
            conditions: [conditions, &definition.conditions].concat(),
        }));
        for child in children {
            let conditions = [conditions, &child.conditions].concat();
            let name = child.name;
            let below = folder.join(&name);
            let child = if let Some(contents) = child.inline {
                Some(self.module(contents, Some(id), file, [&below, &below], &conditions)?)
            } else {
                let given = child.path.map(|path| (joined(base, &path), None));
                let usual = [
                    (folder.join(format!("{name}.rs")), Some(&below)),
                    (below.join("mod.rs"), Some(&below)),
                ];
                self.declared(&name, id, given.into_iter().chain(usual), &conditions)?
            };
            if let Some(child) = child {
                self.loaded.modules[id].children.insert(name, child);
            }
        }
        Ok(id)
    }

    /// The module in the first existing one of several files, with the folder of its children; `None` if it
    /// is for tests only.
    fn declared<'b>(
        &mut self,
        name: &str,
        parent: usize,
        places: impl Iterator<Item = (PathBuf, Option<&'b PathBuf>)>,
        conditions: &[String],
    ) -> Result<Option<usize>> {
        for (path, below) in places {
            let Some(text) = (self.read)(&path)? else { continue };
            let Some(contents) = self.parse(&path, &text)? else { return Ok(None) };
            let file = self.file(&path);
            let beside = path.parent().context("a file is in a folder")?;
            let folders = [below.map_or(beside, PathBuf::as_path), beside];
            return self.module(contents, Some(parent), file, folders, conditions).map(Some);
        }
        bail!(
            "no file has the module {name} of {}",
            self.loaded.files[self.loaded.modules[parent].file].display()
        )
    }
}

/// A path without `..`, so that each file has one name.
fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut joined = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => _ = joined.pop(),
            part => joined.push(part),
        }
    }
    joined
}
