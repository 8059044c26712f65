//! Values through text and bytes.

use super::*;

fn shown(ty: PgType, text: &str) -> String {
    let bytes = parse(ty, text).expect("reads");
    assert_eq!(receive(ty, &bytes).expect("is one"), bytes);
    let mut out = Vec::new();
    write(ty, &bytes, 1, &mut out);
    String::from_utf8(out).expect("is text")
}

#[test]
fn values_read_back() {
    for (ty, text) in [
        (PgType::POINT, "(1,-2.5)"),
        (PgType::LSEG, "[(1,2),(3,4)]"),
        (PgType::BOX, "(3,4),(1,2)"),
        (PgType::LINE, "{1,-1,0.5}"),
        (PgType::PATH, "[(1,2),(3,4),(5,6)]"),
        (PgType::PATH, "((1,2))"),
        (PgType::POLYGON, "((1,2),(3,4),(NaN,Infinity))"),
        (PgType::CIRCLE, "<(1,2),3>"),
    ] {
        assert_eq!(shown(ty, text), text);
    }
    assert_eq!(shown(PgType::POINT, " 1 , 2 "), "(1,2)");
    assert_eq!(shown(PgType::BOX, "1,2,3,0"), "(3,2),(1,0)");
    assert_eq!(shown(PgType::LINE, "0,0,0,5"), "{-1,0,0}");
    assert_eq!(shown(PgType::CIRCLE, "((1,2),3)"), "<(1,2),3>");
    for (ty, text) in [
        (PgType::POINT, "(1,2"),
        (PgType::BOX, "[(1,2),(3,4)]"),
        (PgType::LINE, "{0,0,1}"),
        (PgType::CIRCLE, "<(1,2),-3>"),
        (PgType::PATH, "1,2,3"),
        (PgType::POINT, "(1e400,2)"),
    ] {
        assert!(parse(ty, text).is_err(), "{text}");
    }
}

#[test]
fn bytes_that_are_none_are_refused() {
    assert!(receive(PgType::POINT, &[0; 15]).is_err());
    assert!(receive(PgType::LINE, &[0; 24]).is_err());
    assert!(receive(PgType::POLYGON, &[0; 4]).is_err());
    assert!(receive(PgType::PATH, &[1, 0, 0, 0, 2, 0]).is_err());
}
