use strsim::normalized_damerau_levenshtein;

/// Something that a configuration chooses by its name.
pub trait Named {
    /// The name in the configuration.
    fn name(&self) -> &'static str;
}

/// What there is to choose from, each under a name of its own.
#[derive(Clone, Debug)]
pub struct Entries<T> {
    /// What they are, in one word for messages, such as `method`.
    kind: &'static str,
    entries: Vec<T>,
}

/// Something of this name is there already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name `{name}` is taken by another {kind}: give yours another one")]
pub struct NameTaken {
    /// What it is.
    pub kind: &'static str,
    /// The name.
    pub name: &'static str,
}

impl<T: Named> Entries<T> {
    /// All of `entries`, whose names differ.
    ///
    /// # Panics
    /// When two have the same name, or there is none.
    pub fn new(kind: &'static str, entries: impl IntoIterator<Item = T>) -> Self {
        let mut all = Self { kind, entries: Vec::new() };
        for entry in entries {
            all.add(entry).expect("entries of the program have names of their own");
        }
        assert!(!all.entries.is_empty(), "there is a {kind} to choose");
        all
    }

    /// Adds one more.
    ///
    /// # Errors
    /// When its name is taken.
    pub fn add(&mut self, entry: T) -> Result<(), NameTaken> {
        if self.find(entry.name()).is_some() {
            return Err(NameTaken { kind: self.kind, name: entry.name() });
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The one of that name.
    pub fn find(&self, name: &str) -> Option<&T> {
        self.entries.iter().find(|entry| entry.name() == name)
    }

    /// All, in the order in which they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.entries.iter()
    }

    /// All names.
    pub fn names(&self) -> Vec<&'static str> {
        self.entries.iter().map(Named::name).collect()
    }

    /// The name that is most like another.
    pub fn nearest(&self, name: &str) -> &'static str {
        let likeness = |known: &&str| normalized_damerau_levenshtein(known, name);
        // Of names as like as each other, the first.
        let names = self.names().into_iter().rev();
        names.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).expect("there is one at least")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fruit(&'static str);

    impl Named for Fruit {
        fn name(&self) -> &'static str {
            self.0
        }
    }

    #[test]
    fn names_are_taken_once_found_and_guessed() {
        let mut fruits = Entries::new("fruit", [Fruit("apple"), Fruit("pear")]);
        fruits.add(Fruit("plum")).unwrap();
        let error = fruits.add(Fruit("pear")).unwrap_err();
        assert_eq!(error.to_string(), "the name `pear` is taken by another fruit: give yours another one");
        assert_eq!(fruits.names(), ["apple", "pear", "plum"]);
        assert_eq!((fruits.nearest("aple"), fruits.nearest("plums")), ("apple", "plum"));
        assert!(fruits.find("fig").is_none() && fruits.find("plum").is_some());
    }
}
