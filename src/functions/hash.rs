//! PostgreSQL's hash functions (`hashtext` and its kin): people spread rows over parts with them,
//! and those parts must stay the same here.
//!
//! Bob Jenkins' lookup3, with the initial state PostgreSQL gives it.

use super::call::short::{ANY, BIGINT, FLOAT, INT, INTERVAL, OID, SMALL, TEXT, TIME, TIMESTAMP};
use super::call::{Call, functions};
use super::resolve::Param;
use super::sequence::no_relation;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{PartitionKey, PartitionStrategy};
use crate::pg_catalog::family::key_types;
use crate::pg_catalog::{Value, names};
use crate::types::PgType;
use crate::types::calendar::EPOCH_2000_MICROS;

const NAME: Param = Param::Is(PgType::NAME);
const UUID: Param = Param::Is(PgType::UUID);
const BPCHAR: Param = Param::Is(PgType::BPCHAR);

functions! { pub(super) LIST:
    "hashtext" Immutable { (TEXT) -> PgType::INT4, strict, |call, row| of(call, row, text); }
    "hashtextextended" Immutable { (TEXT, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, text); }
    "hashname" Immutable { (NAME) -> PgType::INT4, strict, |call, row| of(call, row, text); }
    "hashnameextended" Immutable { (NAME, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, text); }
    "hashbpchar" Immutable { (BPCHAR) -> PgType::INT4, strict, |call, row| of(call, row, unpadded); }
    "hashbpcharextended" Immutable { (BPCHAR, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, unpadded); }
    "hashint2" Immutable { (SMALL) -> PgType::INT4, strict, |call, row| of(call, row, word); }
    "hashint2extended" Immutable { (SMALL, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, word); }
    "hashint4" Immutable { (INT) -> PgType::INT4, strict, |call, row| of(call, row, word); }
    "hashint4extended" Immutable { (INT, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, word); }
    "hashint8" Immutable { (BIGINT) -> PgType::INT4, strict, |call, row| of(call, row, long); }
    "hashint8extended" Immutable { (BIGINT, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, long); }
    "hashoid" Immutable { (OID) -> PgType::INT4, strict, |call, row| of(call, row, word); }
    "hashoidextended" Immutable { (OID, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, word); }
    "hashfloat4" Immutable { (FLOAT) -> PgType::INT4, strict, |call, row| of(call, row, single); }
    "hashfloat4extended" Immutable { (FLOAT, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, single); }
    "hashfloat8" Immutable { (FLOAT) -> PgType::INT4, strict, |call, row| of(call, row, float); }
    "hashfloat8extended" Immutable { (FLOAT, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, float); }
    "uuid_hash" Immutable { (UUID) -> PgType::INT4, strict, |call, row| of(call, row, uuid); }
    "uuid_hash_extended" Immutable { (UUID, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, uuid); }
    "time_hash" Immutable { (TIME) -> PgType::INT4, strict, |call, row| of(call, row, clock); }
    "time_hash_extended" Immutable { (TIME, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, clock); }
    "timestamp_hash" Immutable {
        (TIMESTAMP) -> PgType::INT4, strict, |call, row| of(call, row, moment);
    }
    "timestamp_hash_extended" Immutable {
        (TIMESTAMP, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, moment);
    }
    "satisfies_hash_partition" Immutable {
        (OID, INT, INT, ANY) variadic -> PgType::BOOL, loose, satisfies;
    }
    "interval_hash" Immutable { (INTERVAL) -> PgType::INT4, strict, |call, row| of(call, row, span); }
    "interval_hash_extended" Immutable { (INTERVAL, BIGINT) -> PgType::INT8, strict, |call, row| seeded(call, row, span); }
}

/// What is hashed of a value.
enum Key {
    /// Four bytes as one number.
    Word(u32),
    Bytes(Vec<u8>),
    /// A float that is zero, of whatever sign.
    Zero,
}

type Read = fn(&Call<'_>, usize) -> Result<Key>;

/// The hash of a value, of which unseeded hashes are the lower half.
fn hash(call: &Call<'_>, row: usize, read: Read, seed: u64) -> Result<u64> {
    Ok(match read(call, row)? {
        Key::Word(word) => hash_word(word, seed),
        Key::Bytes(bytes) => hash_bytes(&bytes, seed),
        Key::Zero => seed,
    })
}

fn of(call: &Call<'_>, row: usize, read: Read) -> Result<Value> {
    Ok(low(hash(call, row, read, 0)?).cast_signed().into())
}

fn seeded(call: &Call<'_>, row: usize, read: Read) -> Result<Value> {
    let seed = call.int(1, row).unwrap_or(0).cast_unsigned();
    Ok(hash(call, row, read, seed)?.cast_signed().into())
}

fn text(call: &Call<'_>, row: usize) -> Result<Key> {
    Ok(Key::Bytes(call.must_text(0, row).as_bytes().to_vec()))
}

fn unpadded(call: &Call<'_>, row: usize) -> Result<Key> {
    let text = call.must_text(0, row).trim_end_matches(' ');
    Ok(Key::Bytes(text.as_bytes().to_vec()))
}

fn word(call: &Call<'_>, row: usize) -> Result<Key> {
    let number = call.int(0, row).unwrap_or(0);
    Ok(Key::Word(low(number.cast_unsigned())))
}

fn long(call: &Call<'_>, row: usize) -> Result<Key> {
    Ok(folded(call.int(0, row).unwrap_or(0)))
}

fn clock(call: &Call<'_>, row: usize) -> Result<Key> {
    Ok(folded(call.clock(0, row).unwrap_or(0)))
}

fn moment(call: &Call<'_>, row: usize) -> Result<Key> {
    Ok(folded(match call.time(0, row).unwrap_or(0) {
        infinite @ (i64::MAX | i64::MIN) => infinite,
        micros => micros - EPOCH_2000_MICROS,
    }))
}

/// Months are 30 days, days 24 hours; what is above 64 bits does not count.
fn span(call: &Call<'_>, row: usize) -> Result<Key> {
    let span = super::concat::span(call.interval(0, row).unwrap_or_default());
    let bytes = span.to_le_bytes();
    let (low, _) = bytes.split_at(8);
    Ok(folded(i64::from_le_bytes(
        low.try_into().unwrap_or_default(),
    )))
}

/// An integer that fits in fewer bytes hashes as there.
fn folded(number: i64) -> Key {
    let bits = number.cast_unsigned();
    let high = low(bits >> 32);
    Key::Word(low(bits) ^ if number >= 0 { high } else { !high })
}

fn float(call: &Call<'_>, row: usize) -> Result<Key> {
    Ok(of_float(call.float(0, row).unwrap_or(0.0)))
}

/// A `float4` hashes as the `float8` it is.
#[expect(
    clippy::cast_possible_truncation,
    reason = "of a wider number the nearest is meant"
)]
fn single(call: &Call<'_>, row: usize) -> Result<Key> {
    Ok(of_float(
        f64::from(call.float(0, row).unwrap_or(0.0) as f32),
    ))
}

fn of_float(number: f64) -> Key {
    if number == 0.0 {
        return Key::Zero;
    }
    let number = if number.is_nan() { f64::NAN } else { number };
    Key::Bytes(number.to_le_bytes().to_vec())
}

fn uuid(call: &Call<'_>, row: usize) -> Result<Key> {
    super::bytea::sent(call, row).map(Key::Bytes)
}

/// The seed of the hashes that partitions are told apart by.
const PARTITION_SEED: u64 = 0x7A5B_2236_7996_DCFD;
/// Days from 1970 to 2000, where PostgreSQL's dates begin.
const DAYS_TO_2000: i32 = 10_957;

/// Whether PostgreSQL's hash of a type's values is known here, by their arguments' places.
pub(crate) fn is_hashable(ty: PgType) -> bool {
    matches!(
        ty.undomained().plain(),
        PgType::INT2
            | PgType::INT4
            | PgType::INT8
            | PgType::OID
            | PgType::TEXT
            | PgType::VARCHAR
            | PgType::BOOL
            | PgType::DATE
            | PgType::TIMESTAMP
            | PgType::TIMESTAMPTZ
    )
}

/// Whether a row with these values is for a partition by hash. NULLs do not count.
fn satisfies(call: &Call<'_>, row: usize) -> Result<Value> {
    let (Some(table), Some(modulus), Some(remainder)) =
        (call.oid(0, row)?, call.int(1, row), call.int(2, row))
    else {
        return Ok(false.into());
    };
    check_hash_partition(call, table, modulus, remainder)?;
    let mut all: u64 = 0;
    for arg in 3..call.len() {
        if call.null(arg, row) {
            continue;
        }
        let ty = call.ty(arg).unwrap_or(PgType::UNKNOWN).undomained().plain();
        let key = match ty {
            PgType::INT2 | PgType::INT4 | PgType::OID => {
                let number = call.int(arg, row).unwrap_or(0);
                Key::Word(low(number.cast_unsigned()))
            }
            PgType::INT8 => folded(call.int(arg, row).unwrap_or(0)),
            PgType::BOOL => Key::Word(u32::from(call.bool(arg, row) == Some(true))),
            PgType::DATE => {
                let days = call.date(arg, row).unwrap_or(0);
                let days = match days {
                    infinite @ (i32::MAX | i32::MIN) => infinite,
                    days => days - DAYS_TO_2000,
                };
                Key::Word(days.cast_unsigned())
            }
            PgType::TIMESTAMP | PgType::TIMESTAMPTZ => {
                folded(match call.time(arg, row).unwrap_or(0) {
                    infinite @ (i64::MAX | i64::MIN) => infinite,
                    micros => micros - EPOCH_2000_MICROS,
                })
            }
            PgType::TEXT | PgType::VARCHAR => {
                Key::Bytes(call.must_text(arg, row).as_bytes().to_vec())
            }
            other => {
                return Err(Error::unsupported(format!(
                    "satisfies_hash_partition of type {other}"
                )));
            }
        };
        let hash = match key {
            Key::Word(word) => hash_word(word, PARTITION_SEED),
            Key::Bytes(bytes) => hash_bytes(&bytes, PARTITION_SEED),
            Key::Zero => PARTITION_SEED,
        };
        all ^= hash
            .wrapping_add(0x49a0_f4dd_15e5_a8e3)
            .wrapping_add(all << 54)
            .wrapping_add(all >> 7);
    }
    let (modulus, remainder) = (modulus.cast_unsigned(), remainder.cast_unsigned());
    Ok((all % modulus == remainder).into())
}

/// `22023` unless the table is partitioned by hash, there may be such a partition of it, and the
/// values are of the types of its key.
fn check_hash_partition(call: &Call<'_>, table: Oid, modulus: i64, remainder: i64) -> Result<()> {
    let wrong = |message: String| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
    let snapshot = &call.context.snapshot;
    let relation = snapshot.relation(table);
    let key = relation.and_then(|of| Some((of, of.family.key.as_ref()?)));
    let by_hash = |(_, key): &(_, &PartitionKey)| key.strategy == PartitionStrategy::Hash;
    let Some((relation, key)) = key.filter(by_hash) else {
        let Some((_, name)) = names::relation_parts(snapshot, table) else {
            return Err(no_relation(table));
        };
        return wrong(format!("\"{name}\" is not a hash partitioned table"));
    };
    if modulus <= 0 {
        return wrong(
            "modulus for hash partition must be an integer value greater than zero".into(),
        );
    }
    if remainder < 0 {
        return wrong(
            "remainder for hash partition must be an integer value greater than or equal to zero"
                .into(),
        );
    }
    if remainder >= modulus {
        return wrong("remainder for hash partition must be less than modulus".into());
    }
    let types = key_types(relation, key);
    let given = call.len() - 3;
    if given != types.len() {
        return wrong(format!(
            "number of partitioning columns ({}) does not match number of partition keys \
             provided ({given})",
            types.len()
        ));
    }
    for (index, ty) in types.iter().enumerate() {
        let wanted = ty.undomained().plain();
        let supplied = call.ty(index + 3).unwrap_or(PgType::UNKNOWN);
        let supplied = supplied.undomained().plain();
        if supplied.oid != wanted.oid {
            return wrong(format!(
                "column {} of the partition key has type {wanted}, but supplied value is of \
                 type {supplied}",
                index + 1
            ));
        }
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn low(bits: u64) -> u32 {
    bits as u32
}

/// The three words lookup3 works on.
struct State {
    a: u32,
    b: u32,
    c: u32,
}

impl State {
    /// For so many bytes; a seed of 0 is none.
    fn new(length: usize, seed: u64) -> Self {
        let length = low(length as u64);
        let start = 0x9e37_79b9_u32.wrapping_add(length).wrapping_add(3_923_095);
        let mut state = Self {
            a: start,
            b: start,
            c: start,
        };
        if seed != 0 {
            state.a = state.a.wrapping_add(low(seed >> 32));
            state.b = state.b.wrapping_add(low(seed));
            state.mix();
        }
        state
    }

    fn mix(&mut self) {
        let mut words = [self.a, self.b, self.c];
        for (turned, turn) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
            let (x, y, z) = (turned % 3, (turned + 2) % 3, (turned + 1) % 3);
            words[x] = words[x].wrapping_sub(words[y]) ^ words[y].rotate_left(turn);
            words[y] = words[y].wrapping_add(words[z]);
        }
        [self.a, self.b, self.c] = words;
    }

    fn finish(self) -> u64 {
        let mut words = [self.a, self.b, self.c];
        for (turned, turn) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
            let (x, y) = ((turned + 2) % 3, (turned + 1) % 3);
            words[x] = (words[x] ^ words[y]).wrapping_sub(words[y].rotate_left(turn));
        }
        u64::from(words[1]) << 32 | u64::from(words[2])
    }
}

/// The hash of one word.
fn hash_word(word: u32, seed: u64) -> u64 {
    let mut state = State::new(4, seed);
    state.a = state.a.wrapping_add(word);
    state.finish()
}

/// As [`hash_word`], of bytes.
fn hash_bytes(bytes: &[u8], seed: u64) -> u64 {
    let mut state = State::new(bytes.len(), seed);
    let word = |bytes: &[u8]| {
        let mut four = [0; 4];
        four[..bytes.len()].copy_from_slice(bytes);
        u32::from_le_bytes(four)
    };
    let mut chunks = bytes.chunks_exact(12);
    for chunk in &mut chunks {
        state.a = state.a.wrapping_add(word(&chunk[..4]));
        state.b = state.b.wrapping_add(word(&chunk[4..8]));
        state.c = state.c.wrapping_add(word(&chunk[8..]));
        state.mix();
    }
    let rest = chunks.remainder();
    let part = |from: usize, to: usize| word(&rest[rest.len().min(from)..rest.len().min(to)]);
    state.a = state.a.wrapping_add(part(0, 4));
    state.b = state.b.wrapping_add(part(4, 8));
    // The lowest byte stands for the length.
    state.c = state.c.wrapping_add(part(8, 11) << 8);
    state.finish()
}
