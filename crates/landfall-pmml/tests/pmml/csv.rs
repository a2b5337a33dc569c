//! A small CSV reader: cells by row, quotes and line breaks within them.

/// Header and rows. Blank lines are no rows where there are several columns.
pub(crate) fn read(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut rows = records(text.trim_start_matches('\u{feff}'));
    if rows.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let head = rows.remove(0);
    rows.retain(|row| head.len() == 1 || row.len() > 1 || !row[0].is_empty());
    (head, rows)
}

fn records(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut any) = (false, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        any = true;
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
                any = false;
            }
            _ => cell.push(character),
        }
    }
    if any {
        row.push(cell);
        rows.push(row);
    }
    rows
}

#[test]
fn quotes_hold_commas_quotes_and_line_breaks() {
    let (head, rows) = read("a,b\r\n\"x,\"\"y\",\"1\n2\"\n");
    assert_eq!(head, ["a", "b"]);
    assert_eq!(rows, [["x,\"y", "1\n2"]]);
}
