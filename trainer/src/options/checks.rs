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
    /// The keys whose choice decides it: a choice that is made in a later layer than the key goes before it.
    pub decided_by: Vec<String>,
    /// With what it does something, in words.
    pub goes_with: String,
}

impl UnusedKey {
    /// The key, where `applies` is false.
    pub fn unless(applies: bool, key: &str, decided_by: &str, goes_with: &str) -> Option<Self> {
        (!applies).then(|| Self { key: key.into(), decided_by: vec![decided_by.into()], goes_with: goes_with.into() })
    }
}

/// What a key goes with, in words: the choices of another key that always read it, then what is said of the others.
pub fn goes_with<'a>(
    decided_by: &str,
    always: impl Iterator<Item = &'a str>,
    sometimes: impl Iterator<Item = String>,
) -> String {
    let always: Vec<&str> = always.collect();
    let always = match always.split_last() {
        Some((last, [])) => Some((*last).to_string()),
        Some((last, others)) => Some(format!("{} or {last}", others.join(", "))),
        None => None,
    };
    let all: Vec<String> = always.into_iter().chain(sometimes).collect();
    format!("{decided_by} = {}", if all.is_empty() { "none".into() } else { all.join(", or ") })
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

    /// Notes a list of names, where one is not known or stands there twice.
    pub fn names_among(&mut self, key: &str, names: &[String], known: &[&str]) {
        let is_first = |(at, name): (usize, &String)| !names[..at].contains(name);
        let are_known = names.iter().all(|name| known.contains(&name.as_str()));
        let allowed = format!("a list of {}, each once", known.join(", "));
        self.require(are_known && names.iter().enumerate().all(is_first), key, format!("{names:?}"), allowed);
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

    #[test]
    fn a_list_has_names_that_are_known_each_once() {
        let cases: [(&[&str], bool); 6] = [
            (&[], true),
            (&["pear"], true),
            (&["pear", "apple"], true),
            (&["fig"], false),
            (&["apple", "fig"], false),
            (&["pear", "apple", "pear"], false),
        ];
        for (names, is_allowed) in cases {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let mut checks = Checks::default();
            checks.names_among("fruits", &names, &["apple", "pear"]);
            let [key, value, allowed] =
                ["fruits".into(), format!("{names:?}"), "a list of apple, pear, each once".into()];
            let expected = if is_allowed { vec![] } else { vec![OutOfRange { key, value, allowed }] };
            assert_eq!(checks.found(), expected, "{names:?}");
        }
    }
}
