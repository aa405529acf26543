//! What the levels of Parquet columns say must agree: with the rows of the file, and among the columns of one object.

use std::path::Path;

use super::parquet_file::{levels, parquet};
use coverage_principle_core::files::json::Json;
use coverage_principle_core::files::open_table;
use coverage_principle_core::files::table::{Batch, Column, Kind, Sink};
use coverage_principle_core::{Code, Control, Result, Workers};

fn shown(value: &Json<'_>) -> String {
    let all = |shown: Vec<String>| shown.join(",");
    match value {
        Json::Null => "null".to_owned(),
        Json::List(values) => format!("[{}]", all(values.iter().map(shown).collect())),
        Json::Object(fields) => {
            format!("{{{}}}", all(fields.iter().map(|(name, value)| format!("{name}:{}", shown(value))).collect()))
        }
        value => value.id().unwrap().into_owned(),
    }
}

/// The columns called `only`, or all, read as `kind`, as text; columns must have as many rows as their batch.
fn read(path: &Path, only: Option<&str>, kind: Kind) -> Result<Vec<String>> {
    #[derive(Default)]
    struct Shown(Vec<String>);
    impl Sink for Shown {
        fn late_column(&mut self, _: &str, _: u64, _: bool) -> Result<Option<Kind>> {
            Ok(None)
        }

        fn batch(&mut self, batch: &Batch) -> Result<()> {
            for column in &batch.columns {
                assert_eq!(column.len(), batch.rows);
                self.0.push(match column {
                    Column::Values(values) => values.iter().map(shown).collect::<Vec<_>>().join(" "),
                    Column::Lists(lists) => {
                        let list = |row| format!("{:?}", &lists.elements.values[lists.range(row)]);
                        (0..batch.rows).map(list).collect::<Vec<_>>().join(" ")
                    }
                    Column::Numbers(numbers) => format!("{:?}", numbers.values),
                    Column::Texts(texts) => texts.bytes.clone(),
                });
            }
            Ok(())
        }
    }
    let mut table = open_table(path, &Control::new())?;
    let wanted: Vec<Option<Kind>> =
        table.columns().iter().map(|name| only.is_none_or(|only| only == name).then_some(kind)).collect();
    let mut shown = Shown::default();
    table.scan(&wanted, &mut shown, &Workers::sequential(), &Control::new())?;
    Ok(shown.0)
}

fn refused(path: &Path, kind: Kind, says: &str) {
    let Err(error) = read(path, None, kind) else { panic!("{} is read", path.display()) };
    assert_eq!(error.code, Code::MalformedFile);
    assert!(error.message.contains(says), "{}", error.message);
}

#[test]
fn a_column_begins_with_a_row() {
    let schema = [("values", 2, 0)];
    let good = parquet("begins", 2, &schema, &[levels(&[0, 1, 0], &[1, 1, 1], (1, 1))]);
    assert_eq!(read(&good, None, Kind::List).unwrap(), ["[-1.0, -2.0] [-3.0]"]);
    assert_eq!(read(&good, None, Kind::Any).unwrap(), ["[-1,-2] [-3]"]);
    // One row is begun, as the file says, and there is something before it.
    let bad = parquet("begins-within", 1, &schema, &[levels(&[1, 0, 1], &[1, 1, 1], (1, 1))]);
    for kind in [Kind::List, Kind::Any, Kind::Number] {
        refused(&bad, kind, "begins within a row");
    }
}

#[test]
fn columns_have_a_value_for_each_row() {
    let schema = [("a", 1, 0), ("b", 1, 0)];
    let column = |count: usize| levels(&vec![0; count], &vec![1; count], (0, 1));
    let good = parquet("counts", 3, &schema, &[column(3), column(3)]);
    assert_eq!(read(&good, Some("b"), Kind::Number).unwrap(), ["[-1.0, -2.0, -3.0]"]);
    for count in [2, 4] {
        // Also where the other column is not wanted.
        let bad = parquet("counts-differ", 3, &schema, &[column(3), column(count)]);
        let Err(error) = read(&bad, Some("a"), Kind::Number) else { panic!("{count} values are read") };
        assert!(error.message.contains("more or fewer values than its row group has rows"), "{}", error.message);
    }
    let lists = parquet("counts-lists", 3, &[("values", 2, 0)], &[levels(&[0, 0], &[1, 1], (1, 1))]);
    refused(&lists, Kind::List, "more or fewer values");
}

#[test]
fn fields_agree_on_whether_their_object_is_null() {
    // about { score, by { name, rank } }, all of which may be null.
    let schema = [("about", 1, 2), ("score", 1, 0), ("by", 1, 2), ("name", 1, 0), ("rank", 1, 0)];
    let file = |name: &str, score: &[u8], of_name: &[u8], rank: &[u8]| {
        let flat = |definitions: &[u8], most| levels(&vec![0; definitions.len()], definitions, (0, most));
        parquet(name, score.len(), &schema, &[flat(score, 2), flat(of_name, 3), flat(rank, 3)])
    };
    let good = file("object", &[2, 0, 1, 2], &[3, 0, 1, 2], &[2, 0, 1, 3]);
    let expected = ["-1 null null -2", "-1 null null null", "null null null -1"];
    assert_eq!(read(&good, None, Kind::Any).unwrap(), expected);
    for (name, score, of_name, rank) in [
        ("outer", [2, 0, 1, 2], [3, 1, 1, 2], [2, 1, 1, 3]),
        ("outer-of-two", [2, 0, 1, 2], [3, 3, 1, 2], [2, 0, 1, 3]),
        ("inner", [2, 0, 1, 2], [3, 0, 1, 2], [2, 0, 2, 3]),
    ] {
        let bad = file(name, &score, &of_name, &rank);
        for kind in [Kind::Any, Kind::Number, Kind::Text] {
            refused(&bad, kind, "fields of one object disagree");
        }
        // One of them alone cannot be contradicted.
        assert!(read(&bad, Some("about.by.name"), Kind::Number).is_ok());
    }
}

#[test]
fn objects_in_lists_are_put_together_of_columns_that_agree() {
    // A list of objects { a, b { c } }; a and b may be null.
    let schema = [("list", 2, 2), ("a", 1, 0), ("b", 1, 1), ("c", 1, 0)];
    let file = |name: &str, a: (&[u8], &[u8]), c: (&[u8], &[u8])| {
        parquet(name, 2, &schema, &[levels(a.0, a.1, (1, 2)), levels(c.0, c.1, (1, 3))])
    };
    let good = file("objects", (&[0, 1, 0], &[2, 1, 0]), (&[0, 1, 0], &[1, 3, 0]));
    let expected = "[{a:-1,b:null},{a:null,b:{c:-1}}] []";
    assert_eq!(read(&good, None, Kind::Any).unwrap(), [expected]);
    for (name, a, c) in [
        // The list is there in one column only.
        ("absent", (&[0, 1, 0], &[2, 1, 0]), (&[0, 1, 0], &[1, 3, 3])),
        ("absent-first", (&[0, 1, 0], &[2, 1, 2]), (&[0, 1, 0], &[1, 3, 0])),
        // Lists of different lengths.
        ("lengths", (&[0, 1, 0], &[2, 1, 2]), (&[0, 0, 1], &[1, 3, 3])),
        // A list that is empty and goes on.
        ("goes-on", (&[0, 1, 0], &[2, 1, 0]), (&[0, 1, 0], &[1, 0, 0])),
    ] {
        refused(&file(name, (a.0, a.1), (c.0, c.1)), Kind::Any, "disagree");
    }
}

#[test]
fn columns_of_one_field_agree_on_the_object_around_it() {
    // about { list of { a, b }, score }, all but the list itself may be null.
    let schema = [("about", 1, 2), ("list", 2, 2), ("a", 1, 0), ("b", 1, 0), ("score", 1, 0)];
    let file = |name: &str, of_b: &[u8]| {
        let column = |definitions: &[u8]| levels(&[0, 1, 0, 0], definitions, (1, 3));
        let score = levels(&[0; 3], &[2, 0, 1], (0, 2));
        parquet(name, 3, &schema, &[column(&[3, 2, 0, 1]), column(of_b), score])
    };
    let good = file("around", &[2, 3, 0, 1]);
    let expected = ["[{a:-1,b:null},{a:null,b:-1}] [] []", "-1 null null"];
    assert_eq!(read(&good, None, Kind::Any).unwrap(), expected);
    // The list is empty in both, but the object is null in one of them only.
    for (name, of_b) in [("around-second", [2, 3, 1, 1]), ("around-third", [2, 3, 0, 0])] {
        refused(&file(name, &of_b), Kind::Any, "fields of one object disagree");
    }
}

#[test]
fn lists_begin_as_many_rows_as_the_file_says() {
    let file =
        |begins: &[u8]| parquet("rows", 2, &[("values", 2, 0)], &[levels(begins, &vec![1; begins.len()], (1, 1))]);
    assert_eq!(read(&file(&[0, 1, 0]), None, Kind::List).unwrap(), ["[-1.0, -2.0] [-3.0]"]);
    for kind in [Kind::List, Kind::Any, Kind::Number] {
        refused(&file(&[0, 0, 0]), kind, "more rows");
        refused(&file(&[0, 1, 1]), kind, "fewer rows");
    }
}

#[test]
fn no_value_is_deeper_than_its_column() {
    // An object that may be null, of which a field may be: three levels in two bits, which hold four.
    let object = |level: u8| {
        let schema = [("about", 1, 2), ("a", 1, 0), ("b", 1, 0)];
        parquet("deep", 2, &schema, &[levels(&[0; 2], &[2, level], (0, 2)), levels(&[0; 2], &[2, 2], (0, 2))])
    };
    assert_eq!(read(&object(1), None, Kind::Any).unwrap(), ["-1 null", "-1 -2"]);
    refused(&object(3), Kind::Any, "deeper");
    // Lists in lists, likewise.
    let lists = |level: u8| {
        parquet("deep-lists", 1, &[("outer", 2, 1), ("inner", 2, 0)], &[levels(&[0, level], &[2, 2], (2, 2))])
    };
    assert_eq!(read(&lists(2), None, Kind::Any).unwrap(), ["[[-1,-2]]"]);
    refused(&lists(3), Kind::Any, "deeper");
}

#[test]
fn pages_stay_within_their_column() {
    let path = parquet("pages", 2, &[("a", 0, 0)], &[levels(&[0; 2], &[0; 2], (0, 0))]);
    assert_eq!(read(&path, None, Kind::Number).unwrap(), ["[-1.0, -2.0]"]);
    let good = std::fs::read(&path).unwrap();
    let changed = |before: &[u8], change: &dyn Fn(&mut u8), says: &str| {
        let found: Vec<usize> = (0..good.len()).filter(|&at| good[at..].starts_with(before)).collect();
        assert_eq!(found.len(), 1, "{before:?}");
        let mut bad = good.clone();
        change(&mut bad[found[0] + before.len()]);
        std::fs::write(&path, bad).unwrap();
        refused(&path, Kind::Number, says);
    };
    // Numbers are written doubled. The values of the page, in its header: one more than its column has.
    changed(&[0x2c, 0x16], &|values| *values += 2, "more values than the file says");
    // The bytes of the column, in the footer, between its values and where it begins: one fewer than its page.
    changed(&[0x16, 4, 0x26], &|length| *length -= 2, "longer than its column");
}
