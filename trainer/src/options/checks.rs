use std::fmt::Display;
use std::ops::RangeInclusive;

/// A value that is out of range, or does not go with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// Dotted key.
    pub key: String,
    /// The value.
    pub value: String,
    /// The range, and the reason where it is not plain.
    pub allowed: String,
}

/// A key that does nothing beside the values of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedKey {
    /// Dotted key.
    pub key: String,
    /// The key whose choice decides it: a choice that is made in a later layer than the key goes before it.
    pub decided_by: &'static str,
    /// With what it does something, in words.
    pub goes_with: String,
}

impl UnusedKey {
    /// The key, where `applies` is false.
    pub fn unless(applies: bool, key: &str, decided_by: &'static str, goes_with: &str) -> Option<Self> {
        (!applies).then(|| Self { key: key.into(), decided_by, goes_with: goes_with.into() })
    }
}

/// What checks have found.
#[derive(Debug, Default)]
pub struct Checks(Vec<OutOfRange>);

impl Checks {
    /// Notes a value outside of a range; NaN is in no range.
    pub fn within<T: PartialOrd + Display>(&mut self, key: &str, value: T, range: RangeInclusive<T>) {
        let allowed = format!("{} to {}", range.start(), range.end());
        self.require(range.contains(&value), key, value, allowed);
    }

    /// Notes a value, where `holds` is false.
    pub fn require(&mut self, holds: bool, key: &str, value: impl Display, allowed: impl Into<String>) {
        if !holds {
            self.0.push(OutOfRange { key: key.into(), value: value.to_string(), allowed: allowed.into() });
        }
    }

    /// All that was noted, in order.
    pub fn found(self) -> Vec<OutOfRange> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_noted_in_order() {
        let mut checks = Checks::default();
        checks.within("a", 1.0, 0.0..=1.0);
        checks.within("b", f64::NAN, 0.0..=1.0);
        checks.require(false, "c", true, "false");
        let found = checks.found();
        let shown: Vec<_> = found.iter().map(|x| (x.key.as_str(), x.value.as_str(), x.allowed.as_str())).collect();
        assert_eq!(shown, [("b", "NaN", "0 to 1"), ("c", "true", "false")]);
    }
}
