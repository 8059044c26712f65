//! Network addresses, `inet` and `cidr`, as bytes that order as PostgreSQL orders them: IPv4 before
//! IPv6; then by the network's bits as far as both have them, the larger network first; then by the
//! rest.
//!
//! The code is the family, then two bits for each of the address's: the network's, a mark that ends
//! them, the host's. The mark is less than any bit.

use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::text::invalid;

/// An address and how many of its bits are the network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Whether it is IPv6.
    pub long: bool,
    /// Bits of the network.
    pub masklen: u8,
    /// The address: 32 bits or 128.
    pub bits: u128,
}

/// Two bits of a code.
const MARK: u8 = 0;
const ZERO: u8 = 1;
const ONE: u8 = 2;
/// The families in the binary form.
const FAMILIES: [u8; 2] = [2, 3];

impl Address {
    /// One host.
    pub const fn of_host(long: bool, bits: u128) -> Self {
        Self {
            long,
            masklen: if long { 128 } else { 32 },
            bits,
        }
    }

    /// Bits of an address of its family.
    pub const fn size(self) -> u8 {
        if self.long { 128 } else { 32 }
    }

    /// All bits of an address set.
    pub const fn all(self) -> u128 {
        if self.long { u128::MAX } else { 0xffff_ffff }
    }

    /// The network's bits set.
    pub const fn netmask(self) -> u128 {
        self.all() & !self.hostmask()
    }

    /// The host's bits set.
    pub const fn hostmask(self) -> u128 {
        match self.all().checked_shr(self.masklen as u32) {
            Some(mask) => mask,
            None => 0,
        }
    }

    /// The address without the host's bits.
    pub const fn network(self) -> Self {
        Self {
            bits: self.bits & self.netmask(),
            ..self
        }
    }

    /// An address with all bits the network's.
    pub const fn whole(self) -> Self {
        Self {
            masklen: self.size(),
            ..self
        }
    }

    /// Whether every address in `other` is in this one's network.
    pub const fn contains(self, other: Self) -> bool {
        self.long == other.long
            && self.masklen <= other.masklen
            && self.bits & self.netmask() == other.bits & self.netmask()
    }

    /// How many bits two addresses begin with alike.
    pub const fn common(self, other: Self) -> u8 {
        let differ = self.bits ^ other.bits;
        let same = differ.leading_zeros() as u8 - (128 - self.size());
        if same < self.size() {
            same
        } else {
            self.size()
        }
    }

    /// What values travel as.
    pub fn pack(self) -> Vec<u8> {
        let size = self.size();
        let mut pairs = Vec::with_capacity(usize::from(size) + 1);
        for at in 0..size {
            if at == self.masklen {
                pairs.push(MARK);
            }
            let bit = self.bits >> (size - 1 - at) & 1;
            pairs.push(if bit == 0 { ZERO } else { ONE });
        }
        if self.masklen >= size {
            pairs.push(MARK);
        }
        let mut code = vec![if self.long { 6 } else { 4 }];
        code.extend(pairs.chunks(4).map(|four| {
            let mut byte = 0;
            for (at, pair) in four.iter().enumerate() {
                byte |= pair << (6 - 2 * at);
            }
            byte
        }));
        code
    }

    /// What a code means.
    pub fn unpack(code: &[u8]) -> Self {
        let long = code.first() == Some(&6);
        let size = if long { 128 } else { 32 };
        let mut masklen = size;
        let (mut bits, mut count) = (0, 0);
        for at in 0..=usize::from(size) {
            let byte = code.get(1 + at / 4).copied().unwrap_or(0);
            match byte >> (6 - 2 * (at % 4)) & 3 {
                MARK => masklen = count,
                pair => {
                    bits = bits << 1 | u128::from(pair == ONE);
                    count += 1;
                }
            }
        }
        Self {
            long,
            masklen,
            bits,
        }
    }

    /// Reads an `inet` or a `cidr`.
    ///
    /// # Errors
    /// `22P02`
    pub fn parse(ty: PgType, text: &str) -> Result<Self> {
        let is_network = ty.oid == PgType::CIDR.oid;
        let read = match (text.contains(':'), is_network) {
            (true, _) => long(text),
            (false, true) => short_network(text),
            (false, false) => short(text),
        };
        let address = read.ok_or_else(|| invalid(ty, text))?;
        if is_network && address.network() != address {
            return Err(Error::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("invalid cidr value: \"{text}\""),
            )
            .detail("Value has bits set to right of mask."));
        }
        Ok(address)
    }

    /// The address alone.
    pub fn host(self) -> String {
        if !self.long {
            return self.octets().map(|octet| octet.to_string()).join(".");
        }
        let words = self.words();
        let (start, length) = zeros(&words);
        let run = start..start + length;
        // IPv4 in IPv6: mapped, or compatible.
        let dotted = start == 0
            && (length == 6 || length == 5 && words[5] == 0xffff || length == 7 && words[7] != 1);
        let mut out = String::new();
        for (at, word) in words.iter().enumerate() {
            if run.contains(&at) {
                if at == start {
                    out.push(':');
                }
                continue;
            }
            if at > 0 {
                out.push(':');
            }
            if at == 6 && dotted {
                out.push_str(&self.octets().map(|octet| octet.to_string()).join("."));
                return out;
            }
            out.push_str(&format!("{word:x}"));
        }
        if run.end == 8 && length > 0 {
            out.push(':');
        }
        out
    }

    /// As PostgreSQL shows it: of an `inet` that is one address without its mask.
    pub fn shown(self, ty: PgType) -> String {
        match self.masklen == self.size() && ty.oid != PgType::CIDR.oid {
            true => self.host(),
            false => self.full(),
        }
    }

    /// The address and its mask.
    pub fn full(self) -> String {
        format!("{}/{}", self.host(), self.masklen)
    }

    /// A network, as short as can be.
    pub fn abbreviated(self) -> String {
        if !self.long {
            let shown = usize::from(self.masklen.div_ceil(8)).max(1);
            let octets = self.octets().map(|octet| octet.to_string());
            return format!("{}/{}", octets[..shown].join("."), self.masklen);
        }
        if self.masklen == 0 {
            return "::/0".to_owned();
        }
        let count = usize::from(self.masklen.div_ceil(16)).max(2);
        let words = self.words();
        let words = &words[..count];
        let (start, length) = longest(words);
        let run = start..start + length;
        let last = words.get(7).copied().unwrap_or(0).to_be_bytes();
        let dotted = length != count
            && start == 0
            && length > 0
            && (length == 6
                || length == 5 && words.get(5) == Some(&0xffff)
                || length == 7 && last[0] != 0 && last[1] != 1);
        let mut out = String::new();
        for (at, word) in words.iter().enumerate() {
            if run.contains(&at) {
                if at == start {
                    out.push(':');
                }
                if at + 1 == count {
                    out.push(':');
                }
            } else if dotted && at > 5 {
                let [high, low] = word.to_be_bytes();
                out.push(if at == 6 { ':' } else { '.' });
                out.push_str(&high.to_string());
                if at != 7 || self.masklen > 120 {
                    out.push_str(&format!(".{low}"));
                }
            } else {
                if !out.is_empty() {
                    out.push(':');
                }
                out.push_str(&format!("{word:x}"));
            }
        }
        format!("{out}/{}", self.masklen)
    }

    /// The last four octets.
    fn octets(self) -> [u8; 4] {
        let [.., a, b, c, d] = self.bits.to_be_bytes();
        [a, b, c, d]
    }

    /// The words of an IPv6 address.
    fn words(self) -> [u16; 8] {
        let bytes = self.bits.to_be_bytes();
        std::array::from_fn(|at| u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]))
    }

    /// Appends PostgreSQL's binary form.
    pub(in crate::types) fn send(self, ty: PgType, out: &mut Vec<u8>) {
        let bytes = self.bits.to_be_bytes();
        let bytes = if self.long { &bytes[..] } else { &bytes[12..] };
        let is_network = u8::from(ty.oid == PgType::CIDR.oid);
        let family = FAMILIES[usize::from(self.long)];
        let count = self.size() / 8;
        out.extend_from_slice(&[family, self.masklen, is_network, count]);
        out.extend_from_slice(bytes);
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// `22P03`
    pub(in crate::types) fn receive(ty: PgType, sent: &[u8]) -> Result<Self> {
        let name = ty.info().name;
        let bad = |what: &str| {
            Error::new(
                SqlState::INVALID_BINARY_REPRESENTATION,
                format!("{what} in external \"{name}\" value"),
            )
        };
        let [family, masklen, _, count, bytes @ ..] = sent else {
            return Err(Error::new(
                SqlState::PROTOCOL_VIOLATION,
                "insufficient data left in message",
            ));
        };
        let long = match FAMILIES.iter().position(|known| known == family) {
            Some(place) => place == 1,
            None => return Err(bad("invalid address family")),
        };
        let size = if long { 16 } else { 4 };
        if usize::from(*masklen) > size * 8 {
            return Err(bad("invalid bits"));
        }
        if usize::from(*count) != size || bytes.len() != size {
            return Err(bad("invalid length"));
        }
        let bits = bytes
            .iter()
            .fold(0, |bits, byte| bits << 8 | u128::from(*byte));
        let address = Self {
            long,
            masklen: *masklen,
            bits,
        };
        if ty.oid == PgType::CIDR.oid && address.network() != address {
            return Err(Error::new(
                SqlState::INVALID_BINARY_REPRESENTATION,
                "invalid external \"cidr\" value",
            )
            .detail("Value has bits set to right of mask."));
        }
        Ok(address)
    }
}

/// The first longest run of zeros that is worth leaving out: its start and length.
fn zeros(words: &[u16]) -> (usize, usize) {
    match longest(words) {
        (_, 0 | 1) => (0, 0),
        run => run,
    }
}

/// The first longest run of zeros.
fn longest(words: &[u16]) -> (usize, usize) {
    let mut best = (0, 0);
    let mut start = 0;
    for (at, word) in words.iter().enumerate() {
        if *word != 0 {
            start = at + 1;
        } else if at + 1 - start > best.1 {
            best = (start, at + 1 - start);
        }
    }
    best
}

/// A number of digits only.
fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Octets as written, and the mask if there is one.
fn octets(text: &str) -> Option<(Vec<u8>, Option<u8>)> {
    let (mantissa, mask) = match text.split_once('/') {
        Some((mantissa, mask)) => (mantissa, Some(mask)),
        None => (text, None),
    };
    let mask = match mask {
        Some(mask) => Some(digits(mask).filter(|mask| *mask <= 32)?),
        None => None,
    };
    let octets = match mantissa.strip_prefix("0x").or(mantissa.strip_prefix("0X")) {
        Some(hex) if !hex.is_empty() => hexadecimal(hex)?,
        _ => mantissa
            .split('.')
            .map(|octet| u8::try_from(digits(octet)?).ok())
            .collect::<Option<Vec<u8>>>()?,
    };
    let mask = mask.and_then(|mask| u8::try_from(mask).ok());
    (octets.len() <= 4).then_some((octets, mask))
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits
        .chars()
        .map(|c| u8::try_from(c.to_digit(16)?).ok())
        .collect::<Option<_>>()?;
    let pair = |pair: &[u8]| pair[0] << 4 | pair.get(1).copied().unwrap_or(0);
    Some(digits.chunks(2).map(pair).collect())
}

fn of_octets(octets: &[u8], masklen: u8) -> Address {
    let bits = (0..4).fold(0, |bits, at| {
        bits << 8 | u128::from(octets.get(at).copied().unwrap_or(0))
    });
    Address {
        long: false,
        masklen,
        bits,
    }
}

/// All four octets, or as many as the mask covers.
fn short(text: &str) -> Option<Address> {
    if text.starts_with("0x") || text.starts_with("0X") {
        return None;
    }
    let (octets, mask) = octets(text)?;
    match mask {
        None => (octets.len() == 4).then(|| of_octets(&octets, 32)),
        Some(mask) => (usize::from(mask / 8) <= octets.len()).then(|| of_octets(&octets, mask)),
    }
}

/// A network whose mask may follow from its class.
fn short_network(text: &str) -> Option<Address> {
    let (octets, mask) = octets(text)?;
    let first = octets.first().copied()?;
    let written = u8::try_from(octets.len() * 8).unwrap_or(32);
    let masklen = mask.unwrap_or_else(|| {
        let class = match first {
            240.. => 32,
            224.. => 8,
            192.. => 24,
            128.. => 16,
            _ => 8,
        };
        match class.max(written) {
            8 if first == 224 => 4,
            masklen => masklen,
        }
    });
    Some(of_octets(&octets, masklen))
}

fn long(text: &str) -> Option<Address> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let masklen = match mask {
        None => 128,
        Some("0") => 0,
        Some(mask) if mask.starts_with('0') => return None,
        Some(mask) => u8::try_from(digits(mask).filter(|mask| *mask <= 128)?).ok()?,
    };
    Some(Address {
        long: true,
        masklen,
        bits: long_bits(address)?,
    })
}

/// Eight words, of which `::` leaves out some that are zero; the last two may be an IPv4 address.
fn long_bits(text: &str) -> Option<u128> {
    let (before, after) = match text.split_once("::") {
        Some((before, after)) => (words(before, false)?, Some(words(after, true)?)),
        None => (words(text, true)?, None),
    };
    let given = before.len() + after.as_ref().map_or(0, Vec::len);
    let left_out = match after {
        Some(_) if given < 8 => 8 - given,
        None if given == 8 => 0,
        _ => return None,
    };
    let zeros = std::iter::repeat_n(0, left_out);
    let all = before
        .into_iter()
        .chain(zeros)
        .chain(after.into_iter().flatten());
    Some(all.fold(0, |bits, word| bits << 16 | u128::from(word)))
}

/// Words with `:` between, or none.
fn words(text: &str, may_end_dotted: bool) -> Option<Vec<u16>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let mut words = Vec::new();
    let mut parts = text.split(':').peekable();
    while let Some(part) = parts.next() {
        if may_end_dotted && parts.peek().is_none() && part.contains('.') {
            let octets = part
                .split('.')
                .map(|octet| u8::try_from(digits(octet)?).ok());
            let mut octets = octets.collect::<Option<Vec<u8>>>()?;
            // What is missing at the end is zero.
            octets.resize(octets.len().max(4), 0);
            let [a, b, c, d] = <[u8; 4]>::try_from(octets).ok()?;
            words.extend([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]);
        } else {
            let plain =
                (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            words.push(
                plain
                    .then(|| u16::from_str_radix(part, 16).ok())
                    .flatten()?,
            );
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(text: &str) -> Address {
        let address = Address::parse(PgType::INET, text).expect("reads");
        assert_eq!(Address::unpack(&address.pack()), address);
        let mut sent = Vec::new();
        address.send(PgType::INET, &mut sent);
        assert_eq!(
            Address::receive(PgType::INET, &sent).expect("reads"),
            address
        );
        address
    }

    #[test]
    fn addresses_read_back() {
        for text in [
            "1.2.3.4",
            "10.0.0.0/8",
            "::",
            "::/0",
            "::1",
            "1:0:0:2::3",
            "::ffff:1.2.3.4",
        ] {
            assert_eq!(inet(text).shown(PgType::INET), text);
        }
        let network = Address::parse(PgType::CIDR, "192.168.1").expect("reads");
        assert_eq!(network.abbreviated(), "192.168.1/24");
        assert!(Address::parse(PgType::CIDR, "10.1.2.3/24").is_err());
        for text in [
            "1:2",
            "1:2:3:4:5:6:7:8:9",
            "::1::",
            ":1::",
            "1:2:3:4:5:6:7:8::",
            "::12345",
        ] {
            assert!(Address::parse(PgType::INET, text).is_err(), "{text}");
        }
    }

    #[test]
    fn codes_order_as_addresses() {
        let order = [
            "9.255.255.255",
            "10.0.0.0/8",
            "10.0.0.4/8",
            "10.0.0.5/8",
            "10.0.0.0/16",
            "10.0.0.1",
            "10.1.0.0/16",
            "::/0",
            "::1",
            "ffff::",
        ];
        let codes: Vec<_> = order.iter().map(|text| inet(text).pack()).collect();
        assert!(codes.is_sorted());
    }
}
