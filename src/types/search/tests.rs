//! Documents and queries, read, packed and matched.

use super::*;

fn query(text: &str) -> Query {
    Query::parse(text).unwrap()
}

#[test]
fn values_survive_their_codes() {
    for text in ["", "'a'", "'a':1,2B,16383A 'b' 'c''d\\\\e':7C"] {
        let vector = Vector::parse(text).unwrap();
        assert_eq!(vector.to_string(), text);
        assert_eq!(Vector::unpack(&vector.pack()), vector);
    }
    for text in ["", "'a':*AB & !( 'b' | 'c' <-> ( 'd' <3> 'e' ) )"] {
        let query = query(text);
        assert_eq!(query.to_string(), text);
        assert_eq!(Query::unpack(&query.pack().unwrap()), query);
    }
}

#[test]
fn weights_are_not_compared() {
    let code = |text| query(text).pack().unwrap();
    let (a, b) = (code("a:A & b"), code("a:*B & b"));
    assert_ne!(a, b);
    assert_eq!(Query::key(&a), Query::key(&b));
}

#[test]
fn phrases_are_found_by_place() {
    let vector = Vector::parse("a:1 b:2 c:4").unwrap();
    for (text, found) in [
        ("a <-> b", true),
        ("b <-> c", false),
        ("b <2> c", true),
        ("a <-> !c", true),
        ("a <-> (b <2> c)", true),
        ("!a", false),
    ] {
        assert_eq!(matches(&vector, &query(text)), found, "{text}");
    }
}

#[test]
fn deep_queries_are_refused() {
    let deep = "(".repeat(100_000);
    assert!(Query::parse(&deep).is_err());
}
