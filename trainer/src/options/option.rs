use toml::Value;

use super::LARGEST_WEIGHT;

/// One key of a section that what is chosen there understands, declared beside it: of `[method]` a method's.
#[derive(Clone, Copy, Debug)]
pub struct ConfigOption {
    /// The key below its section.
    pub key: &'static str,
    /// Type, default and allowed values.
    pub kind: OptionKind,
    /// What it does, in one line.
    pub help: &'static str,
}

/// Type, default and allowed values of an option.
#[derive(Clone, Copy, Debug)]
pub enum OptionKind {
    /// A number in a closed range.
    Number {
        /// When it is not set.
        default: f64,
        /// Smallest that is allowed.
        least: f64,
        /// Largest that is allowed.
        most: f64,
    },
    /// A whole number in a closed range.
    Count {
        /// When it is not set.
        default: i64,
        /// Smallest that is allowed.
        least: i64,
        /// Largest that is allowed.
        most: i64,
    },
    /// One of several names; the first is the default.
    Choice(&'static [&'static str]),
    /// True or false.
    Flag(bool),
    /// A list of different transformations, by name.
    Transformations {
        /// Which may be listed.
        of: ListedTransformations,
        /// When it is not set.
        default: &'static [&'static str],
        /// Whether a list of none is allowed.
        may_be_empty: bool,
    },
}

/// Which transformations an option may list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedTransformations {
    /// Those with finite classes.
    Finite,
    /// Those of finished pictures with an ordered scale.
    Ordered,
}

impl ConfigOption {
    /// The weight of a term of the loss; 0 leaves it out.
    pub const fn weight(key: &'static str, default: f64, help: &'static str) -> Self {
        Self::number(key, default, 0.0, LARGEST_WEIGHT, help)
    }

    /// A number from `least` to `most`.
    pub const fn number(key: &'static str, default: f64, least: f64, most: f64, help: &'static str) -> Self {
        Self { key, kind: OptionKind::Number { default, least, most }, help }
    }

    /// A whole number from `least` to `most`.
    pub const fn count(key: &'static str, default: i64, least: i64, most: i64, help: &'static str) -> Self {
        Self { key, kind: OptionKind::Count { default, least, most }, help }
    }

    /// One of `names`, the first when it is not set.
    pub const fn choice(key: &'static str, names: &'static [&'static str], help: &'static str) -> Self {
        Self { key, kind: OptionKind::Choice(names), help }
    }

    /// True or false.
    pub const fn flag(key: &'static str, default: bool, help: &'static str) -> Self {
        Self { key, kind: OptionKind::Flag(default), help }
    }

    /// A list of one or more transformations with finite classes, `default` when it is not set.
    pub const fn finite_transformations(
        key: &'static str,
        default: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        let kind = OptionKind::Transformations { of: ListedTransformations::Finite, default, may_be_empty: false };
        Self { key, kind, help }
    }

    /// A list of one or more transformations with an ordered scale, `default` when it is not set.
    pub const fn ordered_transformations(
        key: &'static str,
        default: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        let kind = OptionKind::Transformations { of: ListedTransformations::Ordered, default, may_be_empty: false };
        Self { key, kind, help }
    }

    /// A list of transformations that may be empty, too.
    #[must_use]
    pub const fn or_none(self) -> Self {
        match self.kind {
            OptionKind::Transformations { of, default, .. } => {
                Self { kind: OptionKind::Transformations { of, default, may_be_empty: true }, ..self }
            }
            _ => self,
        }
    }

    /// The value when it is not set.
    pub fn default_value(&self) -> Value {
        match self.kind {
            OptionKind::Number { default, .. } => Value::Float(default),
            OptionKind::Count { default, .. } => Value::Integer(default),
            OptionKind::Choice(names) => Value::String(names.first().copied().unwrap_or_default().into()),
            OptionKind::Flag(default) => Value::Boolean(default),
            OptionKind::Transformations { default, .. } => {
                Value::Array(default.iter().map(|name| (*name).into()).collect())
            }
        }
    }

    /// Which values it may have, in words.
    pub fn allowed(&self) -> String {
        match self.kind {
            OptionKind::Number { least, most, .. } => format!("{least} to {most}"),
            OptionKind::Count { least, most, .. } => format!("{least} to {most}"),
            OptionKind::Choice(names) => names.join(", "),
            OptionKind::Flag(_) => "true, false".into(),
            OptionKind::Transformations { of, may_be_empty, .. } => {
                let what = match of {
                    ListedTransformations::Finite => "finite classes",
                    ListedTransformations::Ordered => "an ordered scale",
                };
                let or_none = if may_be_empty { ", or an empty list" } else { "" };
                format!("a list of transformations with {what}, each once{or_none}")
            }
        }
    }

    /// Whether it may have that value; a whole number counts as a number.
    pub fn accepts(&self, value: &Value) -> bool {
        match (self.kind, value) {
            (OptionKind::Number { least, most, .. }, Value::Float(x)) => (least..=most).contains(x),
            (OptionKind::Number { least, most, .. }, Value::Integer(x)) => (least..=most).contains(&(*x as f64)),
            (OptionKind::Count { least, most, .. }, Value::Integer(x)) => (least..=most).contains(x),
            (OptionKind::Choice(names), Value::String(x)) => names.contains(&x.as_str()),
            (OptionKind::Flag(_), Value::Boolean(_)) => true,
            (OptionKind::Transformations { may_be_empty, .. }, Value::Array(names)) => {
                are_different(names) && (may_be_empty || !names.is_empty())
            }
            _ => false,
        }
    }
}

/// Whether all are names, none twice.
fn are_different(names: &[Value]) -> bool {
    let texts: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    let is_first = |at: usize| !texts[..at].contains(&texts[at]);
    texts.len() == names.len() && (0..texts.len()).all(is_first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_against_kind_and_range() {
        let number = ConfigOption::number("a", 0.5, 0.0, 1.0, "");
        let count = ConfigOption::count("b", 3, 1, 8, "");
        let choice = ConfigOption::choice("c", &["x", "y"], "");
        let flag = ConfigOption::flag("d", true, "");
        let names = ConfigOption::finite_transformations("e", &["y"], "");
        let ordered = ConfigOption::ordered_transformations("f", &["y"], "");
        let list = |names: &[&str]| Value::Array(names.iter().map(|name| (*name).into()).collect());
        let cases = [
            (number, Value::Float(1.0), true),
            (number, Value::Integer(1), true),
            (number, Value::Float(f64::NAN), false),
            (number, Value::Float(1.1), false),
            (number, Value::String("1".into()), false),
            (count, Value::Integer(8), true),
            (count, Value::Integer(0), false),
            (count, Value::Float(3.0), false),
            (choice, Value::String("y".into()), true),
            (choice, Value::String("z".into()), false),
            (flag, Value::Boolean(false), true),
            (flag, Value::Integer(0), false),
            (names, list(&["y", "x"]), true),
            (names, list(&[]), false),
            (names, list(&["x", "x"]), false),
            (names, Value::Array(vec![Value::Integer(1)]), false),
            (names, Value::String("x".into()), false),
            (names.or_none(), list(&[]), true),
            (names.or_none(), list(&["x", "x"]), false),
            (ordered, list(&["y"]), true),
            (ordered, list(&[]), false),
        ];
        for (option, value, accepted) in cases {
            assert_eq!(option.accepts(&value), accepted, "{}: {value}, allowed {}", option.key, option.allowed());
            assert!(option.accepts(&option.default_value()));
        }
    }
}
