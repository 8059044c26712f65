//! Every case of `cases.tsv`, in PostgreSQL's words.

use super::number::of_numeric;
use super::time_fields::Moment;
use super::{number_template, read_number, read_time, time_template, write_time};
use crate::base::Result;
use crate::types::{Extended, calendar};

fn answer(what: &str, value: &str, template: &str) -> Result<String> {
    let fields = time_template::parse(template);
    match what {
        "numeric" => of_numeric(&Extended::parse(value).expect("a numeric"), template),
        "to_number" => {
            let template = number_template::parse(template)?;
            Ok(read_number::read(&template, value)?.to_string())
        }
        "to_date" => {
            let days = read_time::read(value, &fields)?.found(value)?.date(value)?;
            let date = calendar::civil(days);
            Ok(format!(
                "{:04}-{:02}-{:02}",
                date.year, date.month, date.day
            ))
        }
        _ => write_time::write(&Moment::interval((1, 0, 0)), &fields),
    }
}

#[test]
fn as_postgresql() {
    let lines = include_str!("cases.tsv").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let values: Vec<_> = line.split('\t').collect();
        let [what, value, template, expected] = values[..] else {
            panic!("four values: {line}");
        };
        let found = match answer(what, value, template) {
            Ok(text) => text,
            Err(error) => format!("ERROR {error}"),
        };
        assert_eq!(found, expected, "{what} {value} {template}");
    }
}
