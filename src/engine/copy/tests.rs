//! Every case of [`super::cases`], whole and cut into single bytes.

use std::sync::Arc;

use super::cases::CASES;
use super::text::TextLoader;
use super::writer::Bare;
use super::{CopyFormat, CopyOptions, CopyWriter, Header};
use crate::base::{Error, Result};
use crate::catalog::{Change, Column, Location, Relation};
use crate::engine::OutputColumn;
use crate::observe::{Transfer, TransferKind};
use crate::pg_catalog::tests::context;
use crate::statement::StatementContext;
use crate::types::PgType;

fn options(spec: &str) -> CopyOptions {
    let csv = spec.starts_with("csv");
    let mut options = CopyOptions::of(match csv {
        true => CopyFormat::Csv,
        false => CopyFormat::Text,
    });
    let indexes = |list: &str| {
        list.split(',')
            .map(|index| index.parse().unwrap())
            .collect()
    };
    for word in spec.split(' ').skip(1) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "header" if value.is_empty() => options.header = Header::On,
            "header" => options.header = Header::Match,
            "delimiter" => options.delimiter = value.as_bytes()[0],
            "null" => options.null = value.to_owned(),
            "quote" => options.quote = value.as_bytes()[0],
            "escape" => options.escape = value.as_bytes()[0],
            "force_not_null" => options.force_not_null = indexes(value),
            "force_null" => options.force_null = indexes(value),
            name => panic!("no option {name}"),
        }
    }
    options
}

/// A batch as the writer writes it.
fn written(writer: &CopyWriter, batch: &arrow::record_batch::RecordBatch) -> Result<Vec<u8>> {
    let CopyWriter::Rows(rows) = writer else {
        panic!("text is written by rows");
    };
    let mut out = Vec::new();
    rows.prepare(batch)?
        .write(0..batch.num_rows(), usize::MAX, &mut Bare, &mut out)?;
    Ok(out)
}

/// ann's table, which the catalog knows by another shape.
fn table(context: &StatementContext) -> Arc<Relation> {
    let mut relation = context
        .snapshot
        .relations()
        .find(|relation| relation.name == "delays")
        .map(|relation| Relation::clone(relation))
        .unwrap();
    let column = |attnum, name: &str, ty| Column {
        attnum,
        name: name.into(),
        stored_name: name.into(),
        ty,
        collation: None,
        not_null: attnum == 2,
        default: None,
        generation: None,
        comment: None,
    };
    relation.name = "ct".into();
    relation.columns = vec![
        column(1, "a", PgType::INT4),
        column(2, "b", PgType::TEXT),
        column(3, "c", PgType::numeric(5, 2)),
    ];
    Arc::new(relation)
}

fn words(error: &Error) -> String {
    let fields = error.fields();
    let mut text = format!("ERROR {}: {}", fields.state, fields.message);
    for (name, value) in [
        ("DETAIL", &fields.detail),
        ("HINT", &fields.hint),
        ("CONTEXT", &fields.context),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(" {name}: {value}"));
        }
    }
    text
}

/// Copies in, then out as text.
fn through(
    context: &Arc<StatementContext>,
    spec: &str,
    columns: &str,
    data: &[u8],
    piece: usize,
) -> Result<String> {
    let relation = table(context);
    let chosen = match columns {
        "" => (0..relation.columns.len()).collect(),
        names => names
            .split(',')
            .map(|name| {
                relation
                    .columns
                    .iter()
                    .position(|column| column.name == name)
                    .unwrap()
            })
            .collect(),
    };
    let transfer = Arc::new(Transfer::new(TransferKind::CopyFrom, relation.oid));
    let mut loader = TextLoader::new(
        context.clone(),
        relation.clone(),
        chosen,
        &options(spec),
        transfer,
        None,
    )?;
    for piece in data.chunks(piece) {
        loader.feed(piece.to_vec(), false)?;
    }
    let changes = loader.finish()?.changes;
    let outputs = relation.columns.iter().map(|column| OutputColumn {
        name: column.name.clone(),
        ty: column.ty,
        table: relation.oid,
        attnum: column.attnum,
    });
    let writer = CopyWriter::new(context.clone(), outputs.collect(), options("text"))?;
    let mut out = Vec::new();
    for change in changes {
        let Change::AddSegments { segments, .. } = change else {
            panic!("COPY only adds rows");
        };
        for segment in segments {
            let Location::Memory(batches) = &segment.location else {
                panic!("few rows stay in memory");
            };
            for batch in batches {
                out.extend_from_slice(&written(&writer, batch)?);
            }
        }
    }
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn as_postgresql_copies_in() {
    let (_folder, context) = context();
    let mut wrong = Vec::new();
    for (spec, columns, data, want) in CASES {
        for piece in [1, 7, data.len().max(1)] {
            let got = through(&context, spec, columns, data, piece);
            let got = got.unwrap_or_else(|error| words(&error));
            if got != *want {
                let data = String::from_utf8_lossy(data);
                wrong.push(format!(
                    "{spec} ({columns}) {data:?} by {piece}\n  want {want}\n  got  {got}"
                ));
                break;
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Values, format, and PostgreSQL 15's line.
#[test]
fn as_postgresql_copies_out() {
    let (_folder, context) = context();
    let texts: &[Option<&str>] = &[
        Some("a,b"),
        Some("q\"t"),
        Some("n\nl"),
        Some(""),
        None,
        Some(" x"),
        Some("\\."),
        Some("\r"),
        Some("a\\b"),
        Some("\t\u{b}\u{8}\u{c}"),
    ];
    for (spec, values, want) in [
        (
            "csv",
            texts,
            "\"a,b\",\"q\"\"t\",\"n\nl\",\"\",, x,\\.,\"\r\",a\\b,\t\u{b}\u{8}\u{c}\n",
        ),
        (
            "text",
            texts,
            "a,b\tq\"t\tn\\nl\t\t\\N\t x\t\\\\.\t\\r\ta\\\\b\t\\t\\v\\b\\f\n",
        ),
        ("csv", &[Some("\\.")], "\"\\.\"\n"),
        ("csv", &[Some("\\.x")], "\\.x\n"),
        (
            "csv null=N",
            &[Some("N"), Some("\\N"), None],
            "\"N\",\\N,N\n",
        ),
        ("csv", &[None], "\n"),
        ("csv", &[Some("")], "\"\"\n"),
        ("text delimiter=|", &[Some("a|b\\")], "a\\|b\\\\\n"),
        ("csv escape=\\", &[Some("a\\\"b")], "\"a\\\\\\\"b\"\n"),
    ] {
        let columns = values.iter().map(|value| {
            let array: arrow::array::ArrayRef =
                Arc::new(arrow::array::StringArray::from(vec![*value]));
            array
        });
        let names = (0..values.len()).map(|index| format!("c{index}"));
        let batch = arrow::record_batch::RecordBatch::try_from_iter(names.zip(columns)).unwrap();
        let outputs = (0..values.len()).map(|index| OutputColumn {
            name: format!("c{index}"),
            ty: PgType::TEXT,
            table: crate::base::Oid::INVALID,
            attnum: 0,
        });
        let writer = CopyWriter::new(context.clone(), outputs.collect(), options(spec)).unwrap();
        let out = written(&writer, &batch).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), want, "{spec}");
    }
}
