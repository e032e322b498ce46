//! Where the time of training steps goes, per kind of operator.
//!
//! Off unless a benchmark starts it. A book belongs to the thread that runs the steps: operators are called there, one
//! at a time, and hand their work to the other threads themselves. Time is exclusive: what a scope inside another one
//! takes is charged to the inner one only, and everything outside of all scopes to [`Kind::Other`], so that the shares
//! always add up to the whole.

use std::cell::RefCell;
use std::time::{Duration, Instant};

/// What time is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Convolutions of maps, forward.
    ConvForward,
    /// Their gradient by the input.
    ConvByInput,
    /// Their gradient by the weights.
    ConvByWeight,
    /// Linear layers, forward.
    LinearForward,
    /// Linear layers, backward.
    LinearBackward,
    /// Batch norm with what is fused into it, forward.
    BatchNormForward,
    /// The same, backward.
    BatchNormBackward,
    /// Rectifiers and biases on their own, both ways.
    Elementwise,
    /// Max-pooling and global average pooling, both ways.
    Pooling,
    /// Filters that are copies of others, both ways.
    ExpandFilters,
    /// The hypernetwork predictor, both ways.
    Hypernetwork,
    /// Terms of the loss that have a kernel, both ways.
    Loss,
    /// Bytes to normalised images.
    Images,
    /// The update of the weights.
    Optimiser,
    /// Everything else: candle's own operators, copies, book-keeping.
    Other,
}

impl Kind {
    /// All kinds, in the order in which they are listed.
    pub const ALL: [Kind; 15] = [
        Kind::ConvForward,
        Kind::ConvByInput,
        Kind::ConvByWeight,
        Kind::LinearForward,
        Kind::LinearBackward,
        Kind::BatchNormForward,
        Kind::BatchNormBackward,
        Kind::Elementwise,
        Kind::Pooling,
        Kind::ExpandFilters,
        Kind::Hypernetwork,
        Kind::Loss,
        Kind::Images,
        Kind::Optimiser,
        Kind::Other,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::ConvForward => "conv2d forward",
            Kind::ConvByInput => "conv2d by input",
            Kind::ConvByWeight => "conv2d by weight",
            Kind::LinearForward => "linear forward",
            Kind::LinearBackward => "linear backward",
            Kind::BatchNormForward => "batch norm forward",
            Kind::BatchNormBackward => "batch norm backward",
            Kind::Elementwise => "relu and bias",
            Kind::Pooling => "pooling",
            Kind::ExpandFilters => "expand filters",
            Kind::Hypernetwork => "hypernetwork",
            Kind::Loss => "loss terms",
            Kind::Images => "normalise images",
            Kind::Optimiser => "optimiser",
            Kind::Other => "other",
        }
    }
}

/// What one kind of operator came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// How often a scope of the kind was entered.
    pub calls: u64,
    /// Time inside such scopes, without that of scopes inside them.
    pub time: Duration,
    /// Multiplications (each with an addition) of the plain algorithm, whatever algorithm ran.
    pub multiplications: u64,
}

/// Entries of all kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    entries: [Entry; Kind::ALL.len()],
}

impl Account {
    /// What a kind came to.
    pub fn of(&self, kind: Kind) -> &Entry {
        &self.entries[kind as usize]
    }

    /// Time from start to end: the sum over all kinds.
    pub fn time(&self) -> Duration {
        self.entries.iter().map(|entry| entry.time).sum()
    }

    /// Multiplications of all kinds.
    pub fn multiplications(&self) -> u64 {
        self.entries.iter().map(|entry| entry.multiplications).sum()
    }
}

struct Book {
    account: Account,
    current: Kind,
    since: Instant,
}

impl Book {
    fn switch_to(&mut self, kind: Kind) -> Kind {
        let now = Instant::now();
        self.account.entries[self.current as usize].time += now - self.since;
        self.since = now;
        std::mem::replace(&mut self.current, kind)
    }
}

thread_local!(static BOOK: RefCell<Option<Book>> = const { RefCell::new(None) });

/// Starts an account of this thread; one that was open is dropped.
pub fn start() {
    let book = Book { account: Account::default(), current: Kind::Other, since: Instant::now() };
    BOOK.set(Some(book));
}

/// Ends this thread's account; empty when none was started.
pub fn finish() -> Account {
    let book = BOOK.take().map(|mut book| {
        book.switch_to(Kind::Other);
        book.account
    });
    book.unwrap_or_default()
}

/// Until this is dropped, time is charged to its kind.
#[must_use]
pub struct Scope {
    outer: Option<Kind>,
}

/// Charges time to `kind` from here on, and adds to its multiplications.
pub fn enter(kind: Kind, multiplications: usize) -> Scope {
    let outer = BOOK.with_borrow_mut(|book| {
        let book = book.as_mut()?;
        let outer = book.switch_to(kind);
        let entry = &mut book.account.entries[kind as usize];
        entry.calls += 1;
        entry.multiplications += multiplications as u64;
        Some(outer)
    });
    Scope { outer }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let Some(outer) = self.outer else { return };
        BOOK.with_borrow_mut(|book| book.as_mut().map(|book| book.switch_to(outer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spin(time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {}
    }

    #[test]
    fn time_is_exclusive_and_adds_up() {
        let short = Duration::from_millis(2);
        start();
        let begin = Instant::now();
        {
            let _outer = enter(Kind::LinearForward, 10);
            spin(short);
            {
                let _inner = enter(Kind::ConvForward, 3);
                spin(2 * short);
            }
            drop(enter(Kind::ConvForward, 4));
        }
        spin(short);
        let whole = begin.elapsed();
        let account = finish();
        let [conv, linear] = [Kind::ConvForward, Kind::LinearForward].map(|kind| *account.of(kind));
        assert_eq!((conv.calls, conv.multiplications), (2, 7));
        assert_eq!((linear.calls, linear.multiplications), (1, 10));
        assert!(conv.time >= 2 * short && linear.time >= short && account.of(Kind::Other).time >= short);
        assert!(account.time() >= whole, "{:?} of {whole:?}", account.time());
        assert_eq!(account.multiplications(), 17);
        // Each scope's time lies between what it did itself and the whole: nothing is counted twice.
        assert!(linear.time <= account.time() - conv.time - short);
    }

    #[test]
    fn without_a_start_nothing_is_kept() {
        drop(enter(Kind::Pooling, 5));
        assert_eq!(finish(), Account::default());
    }

    #[test]
    fn every_kind_has_its_own_place_and_name() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
            assert_eq!(Kind::ALL.iter().filter(|other| other.name() == kind.name()).count(), 1);
        }
    }
}
