//! The modules, names, imports and paths in one file, without code for tests.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Meta, Token, UseTree, Visibility};

/// The contents of a module, without those of its children.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) children: Vec<Child>,
    /// The names that the module itself defines.
    pub(super) names: Vec<String>,
    pub(super) macros: Vec<String>,
    pub(super) uses: Vec<Use>,
    pub(super) paths: Vec<WrittenPath>,
    pub(super) types: Vec<TypeName>,
}

/// A `mod` item.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: String,
    /// Its contents, if they are in braces.
    pub(super) inline: Option<Contents>,
    /// The value of `#[path]`.
    pub(super) path: Option<String>,
    pub(super) conditions: Vec<String>,
}

/// One leaf of a `use` declaration.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) path: Vec<String>,
    pub(super) kind: UseKind,
    pub(super) is_public: bool,
    pub(super) line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UseKind {
    /// Imports one item under this name.
    Name(String),
    /// Ends with `*`.
    Glob,
}

/// A path in an expression, a type, a pattern, a macro or an attribute.
#[derive(Clone, Debug)]
pub(super) struct WrittenPath {
    pub(super) segments: Vec<String>,
    pub(super) is_macro: bool,
    pub(super) line: usize,
}

/// The definition of a type or a trait.
#[derive(Clone, Debug)]
pub(super) struct TypeName {
    pub(super) name: String,
    pub(super) line: usize,
    /// Its `cfg` conditions, without those of the enclosing modules.
    pub(super) conditions: Vec<String>,
}

/// Parses a file; `None` if all of it is for tests.
pub(super) fn parse(text: &str) -> syn::Result<Option<Contents>> {
    let file = syn::parse_file(text)?;
    if is_for_tests(&file.attrs) {
        return Ok(None);
    }
    Ok(Some(contents(&file.items)))
}

fn contents(items: &[Item]) -> Contents {
    let mut collector = Collector::default();
    for item in items {
        collector.contents.names.extend(name_of(item));
        collector.visit_item(item);
    }
    collector.contents
}

#[derive(Default)]
struct Collector {
    contents: Contents,
}

impl Collector {
    fn path(&mut self, segments: Vec<String>, is_macro: bool, line: usize) {
        self.contents.paths.push(WrittenPath { segments, is_macro, line });
    }

    fn module(&mut self, item: &ItemMod) {
        let path = item.attrs.iter().find_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        });
        self.contents.children.push(Child {
            name: item.ident.to_string(),
            inline: item.content.as_ref().map(|(_, items)| contents(items)),
            path,
            conditions: conditions(&item.attrs),
        });
    }

    fn import(&mut self, item: &ItemUse) {
        // `use ::name` refers to another crate.
        if item.leading_colon.is_some() {
            return;
        }
        let is_public = !matches!(item.vis, Visibility::Inherited);
        self.use_tree(&item.tree, &mut Vec::new(), is_public);
    }

    fn use_tree(&mut self, tree: &UseTree, above: &mut Vec<String>, is_public: bool) {
        let line = tree.span().start().line;
        let mut leaf = |path: Vec<String>, kind| {
            self.contents.uses.push(Use { path, kind, is_public, line });
        };
        match tree {
            UseTree::Path(path) => {
                above.push(path.ident.to_string());
                self.use_tree(&path.tree, above, is_public);
                above.pop();
            }
            UseTree::Name(name) if name.ident == "self" => {
                let last = above.last().cloned().unwrap_or_default();
                leaf(above.clone(), UseKind::Name(last));
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                let mut path = above.clone();
                path.push(name.clone());
                leaf(path, UseKind::Name(name));
            }
            UseTree::Rename(rename) => {
                let mut path = above.clone();
                if rename.ident != "self" {
                    path.push(rename.ident.to_string());
                }
                leaf(path, UseKind::Name(rename.rename.to_string()));
            }
            UseTree::Glob(_) => leaf(above.clone(), UseKind::Glob),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, above, is_public);
                }
            }
        }
    }

    fn type_name(&mut self, ident: &syn::Ident, attributes: &[Attribute]) {
        self.contents.types.push(TypeName {
            name: ident.to_string(),
            line: ident.span().start().line,
            conditions: conditions(attributes),
        });
    }

    /// The paths among tokens without a known grammar. In attributes only those with `::` count, since a
    /// single word is mostly a keyword of the attribute.
    fn tokens(&mut self, tokens: &TokenStream, is_attribute: bool) {
        let mut trees = tokens.clone().into_iter().peekable();
        let mut before = Before::Other;
        while let Some(tree) = trees.next() {
            let was = std::mem::replace(&mut before, Before::Other);
            match tree {
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    let mut segments = vec![ident.to_string()];
                    let mut ahead = trees.clone();
                    while is_punct(ahead.next().as_ref(), ':')
                        && is_punct(ahead.next().as_ref(), ':')
                    {
                        let Some(TokenTree::Ident(next)) = ahead.next() else { break };
                        segments.push(next.to_string());
                        trees = ahead.clone();
                    }
                    let next = trees.peek();
                    let is_path = match was {
                        Before::Dollar => segments[0] == "crate",
                        Before::Dot => false,
                        Before::Dots | Before::Other => true,
                    };
                    // A single word before `:` is the name of a field or an argument.
                    let is_word = segments.len() == 1 && (is_attribute || is_punct(next, ':'));
                    if is_path && !is_word {
                        self.path(segments, is_punct(next, '!'), line);
                    }
                }
                TokenTree::Group(group) => self.tokens(&group.stream(), is_attribute),
                TokenTree::Punct(punct) => {
                    before = match (punct.as_char(), was) {
                        ('$', _) => Before::Dollar,
                        ('.', Before::Dot | Before::Dots) => Before::Dots,
                        ('.', _) => Before::Dot,
                        _ => Before::Other,
                    }
                }
                // `#[serde(with = "crate::name")]`
                TokenTree::Literal(literal) if is_attribute => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string())
                        && let Ok(path) = text.parse::<syn::Path>()
                        && path.segments.len() > 1
                    {
                        self.path(segments(&path), false, literal.span().start().line);
                    }
                }
                TokenTree::Literal(_) => {}
            }
        }
    }
}

/// The token before another one.
#[derive(Clone, Copy)]
enum Before {
    /// `$name`: a parameter of a macro.
    Dollar,
    /// `.name`: a field or a method.
    Dot,
    /// `..name`: the end of a range.
    Dots,
    Other,
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        match item {
            Item::Mod(item) => self.module(item),
            Item::Use(item) => self.import(item),
            Item::Macro(item) => {
                if let Some(name) = &item.ident {
                    self.contents.macros.push(name.to_string());
                }
                visit::visit_item_macro(self, item);
            }
            _ => visit::visit_item(self, item),
        }
        match item {
            Item::Struct(item) => self.type_name(&item.ident, &item.attrs),
            Item::Enum(item) => self.type_name(&item.ident, &item.attrs),
            Item::Union(item) => self.type_name(&item.ident, &item.attrs),
            Item::Trait(item) => self.type_name(&item.ident, &item.attrs),
            Item::TraitAlias(item) => self.type_name(&item.ident, &item.attrs),
            Item::Type(item) => self.type_name(&item.ident, &item.attrs),
            _ => {}
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !is_for_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.path(segments(path), false, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.leading_colon.is_none() {
            self.path(segments(&call.path), true, call.path.span().start().line);
        }
        self.tokens(&call.tokens, false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => self.tokens(&list.tokens, true),
            Meta::Path(_) | Meta::NameValue(_) => {}
        }
    }

    // The path of a visibility is not an import: `pub(in some::module)`.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

fn is_punct(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// The name that an item adds to the scope of its module; `use` and `mod` are handled elsewhere.
fn name_of(item: &Item) -> Option<String> {
    if is_for_tests(attributes(item)) {
        return None;
    }
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn conditions(attributes: &[Attribute]) -> Vec<String> {
    let cfg = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    cfg.filter_map(|attribute| attribute.meta.require_list().ok())
        .map(|list| list.tokens.to_string())
        .collect()
}

/// Whether an attribute excludes the item from all builds except those of tests.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<Meta>().is_ok_and(|condition| needs_test(&condition))
    })
}

fn needs_test(condition: &Meta) -> bool {
    let Meta::List(list) = condition else { return condition.path().is_ident("test") };
    let parser = syn::punctuated::Punctuated::<Meta, Token![,]>::parse_terminated;
    let Ok(parts) = list.parse_args_with(parser) else { return false };
    if list.path.is_ident("all") {
        parts.iter().any(needs_test)
    } else {
        list.path.is_ident("any") && parts.iter().all(needs_test)
    }
}
