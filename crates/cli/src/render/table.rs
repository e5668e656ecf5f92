//! Tables as openstackclient draws them.

use comfy_table::presets::ASCII_FULL_CONDENSED;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, Width};
use terminal_size::terminal_size_of;

/// The table; the columns at `right` are flush right. On a terminal it is no wider than that, as far as
/// that can be: cells are broken into lines, but not those of the first column, which one copies, and
/// none to less than [`LEAST_WIDTH`]. Elsewhere it is as wide as it needs to be, since cells are for
/// other programs then.
pub(super) fn draw(
    columns: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    right: &[usize],
    max_width: Option<u16>,
) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_FULL_CONDENSED.header_separator(LineStyle::new('+', '-', '+', '+')));
    table.set_header(columns.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for at in right {
        if let Some(column) = table.column_mut(*at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let terminal = || terminal_size_of(std::io::stdout()).map(|(width, _)| width.0);
    if let Some(width) = max_width.filter(|width| *width > 0).or_else(terminal) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        let contents = table.column_max_content_widths();
        for (column, content) in table.column_iter_mut().zip(contents) {
            let least = Width::Fixed(content.min(LEAST_WIDTH) + PADDING);
            column.set_constraint(match column.index {
                0 => ColumnConstraint::ContentWidth,
                _ => ColumnConstraint::LowerBoundary(least),
            });
        }
    }
    table.to_string()
}

/// Below that broken cells cannot be read. openstackclient's limit, too.
const LEAST_WIDTH: u16 = 8;

/// A space on each side of a cell.
const PADDING: u16 = 2;

#[cfg(test)]
mod tests {
    use super::draw;

    fn rows() -> impl Iterator<Item = Vec<String>> {
        [["a", "5"], ["bé漢", "300"]].map(|row| row.map(str::to_owned).to_vec()).into_iter()
    }

    #[test]
    fn lines_are_plain_and_columns_flush() {
        let expected = "\
+------+------+
| Name | Size |
+------+------+
| a    |    5 |
| bé漢 |  300 |
+------+------+";
        assert_eq!(draw(&["Name", "Size"], rows(), &[1], None), expected);
    }

    #[test]
    fn a_table_is_no_wider_than_asked() {
        let long = std::iter::once(vec!["properties".to_owned(), "x".repeat(200)]);
        let table = draw(&["Field", "Value"], long, &[], Some(40));
        assert!(table.lines().all(|line| line.chars().count() <= 40), "{table}");
        assert!(table.lines().count() > 6, "{table}");
    }
}
