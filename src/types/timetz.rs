//! `time with time zone`: a time of day and an offset from UTC, in one number that orders as
//! PostgreSQL orders them, by the moment in UTC and then by the zone, those further east first.

use super::calendar::DAY;

/// How many numbers there are for zones, which are within 16 hours of UTC.
const ZONES: i64 = 1 << 17;
/// The number of UTC itself.
const UTC: i64 = ZONES / 2;

/// A time and its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeTz {
    /// Microseconds since midnight, up to 24:00:00.
    pub time: i64,
    /// Seconds east of UTC.
    pub east: i64,
}

impl TimeTz {
    /// The number that values travel as.
    pub const fn pack(self) -> i64 {
        (self.time - self.east * 1_000_000) * ZONES + (UTC - self.east)
    }

    /// What a number means.
    pub const fn unpack(packed: i64) -> Self {
        let east = UTC - packed.rem_euclid(ZONES);
        Self {
            time: packed.div_euclid(ZONES) + east * 1_000_000,
            east,
        }
    }

    /// The time of day some microseconds later, in the same zone.
    pub const fn later(self, micros: i64) -> Self {
        Self {
            time: (self.time + micros % DAY).rem_euclid(DAY),
            east: self.east,
        }
    }

    /// The same moment in another zone.
    pub const fn moved(self, east: i64) -> Self {
        let time = self.time + (east - self.east) * 1_000_000;
        Self {
            time: time.rem_euclid(DAY),
            east,
        }
    }

    /// Appends PostgreSQL's text.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        super::text::write_time(self.time, out);
        super::text::write_offset(self.east, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_order_as_values() {
        let at = |time, east| TimeTz { time, east };
        let hour = 3_600_000_000;
        for value in [at(0, 0), at(DAY, -57_599), at(5 * hour + 1, 57_599)] {
            assert_eq!(TimeTz::unpack(value.pack()), value);
        }
        assert!(at(hour, 0).pack() < at(2 * hour, 0).pack());
        assert!(at(hour, 3_600).pack() < at(0, 0).pack());
        assert!(at(0, 0).pack() < at(hour, 0).pack());
        assert_eq!(at(DAY - 1, 0).later(2).time, 1);
        assert_eq!(at(0, 0).moved(-3_600), at(23 * hour, -3_600));
    }
}
