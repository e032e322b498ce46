use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Collective, CollectiveError};

/// Ranks that are threads of one process: shows in a test what processes would compute.
///
/// A rank that is dropped is one that has ended; the others get errors from then on.
#[derive(Debug)]
pub struct Threads {
    rank: usize,
    /// To every rank, this one included.
    to: Vec<Sender<Message>>,
    /// From every rank, in their order.
    from: Mutex<Vec<Receiver<Message>>>,
}

#[derive(Clone, Debug)]
enum Message {
    Single(Arc<[f32]>),
    Double(Arc<[f64]>),
    Bytes(Arc<[u8]>),
}

impl Threads {
    /// So many ranks, each for a thread of its own.
    pub fn ranks(size: usize) -> Vec<Self> {
        let mut to: Vec<Vec<Sender<Message>>> = vec![Vec::new(); size];
        let mut from = Vec::with_capacity(size);
        for _receiver in 0..size {
            let (senders, receivers): (Vec<_>, Vec<_>) = (0..size).map(|_| channel()).unzip();
            to.iter_mut().zip(senders).for_each(|(to, sender)| to.push(sender));
            from.push(receivers);
        }
        let ranks = to.into_iter().zip(from).enumerate();
        ranks.map(|(rank, (to, from))| Self { rank, to, from: Mutex::new(from) }).collect()
    }

    /// What every rank has sent in this round, in their order.
    fn exchange(&self, own: Message) -> Result<Vec<Message>, CollectiveError> {
        let lost = |rank: usize| self.error(format!("rank {rank} has ended"));
        for (rank, to) in self.to.iter().enumerate() {
            to.send(own.clone()).map_err(|_| lost(rank))?;
        }
        let from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        from.iter().enumerate().map(|(rank, from)| from.recv().map_err(|_| lost(rank))).collect()
    }

    fn singles(&self, own: &[f32]) -> Result<Vec<Arc<[f32]>>, CollectiveError> {
        let unpack = |message| match message {
            Message::Single(values) if values.len() == own.len() => Ok(values),
            _ => Err(self.out_of_step()),
        };
        self.exchange(Message::Single(own.into()))?.into_iter().map(unpack).collect()
    }

    fn out_of_step(&self) -> CollectiveError {
        self.error("another rank is at another operation".into())
    }

    fn error(&self, reason: String) -> CollectiveError {
        CollectiveError { rank: self.rank, size: self.to.len(), reason }
    }
}

impl Collective for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn all_gather(&self, part: &[f32]) -> Result<Vec<f32>, CollectiveError> {
        Ok(self.singles(part)?.iter().flat_map(|part| part.iter().copied()).collect())
    }

    fn all_reduce_sum(&self, values: &mut [f32]) -> Result<(), CollectiveError> {
        let parts = self.singles(values)?;
        values.copy_from_slice(&parts[0]);
        for part in &parts[1..] {
            values.iter_mut().zip(part.iter()).for_each(|(sum, value)| *sum += value);
        }
        Ok(())
    }

    fn all_reduce_sum_f64(&self, values: &mut [f64]) -> Result<(), CollectiveError> {
        let parts = self.exchange(Message::Double((&*values).into()))?;
        values.fill(0.0);
        for part in parts {
            let Message::Double(part) = part else { return Err(self.out_of_step()) };
            values.iter_mut().zip(part.iter()).for_each(|(sum, value)| *sum += value);
        }
        Ok(())
    }

    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<(), CollectiveError> {
        let own = if self.rank == 0 { bytes.as_slice().into() } else { Arc::from([]) };
        let Message::Bytes(first) = &self.exchange(Message::Bytes(own))?[0] else { return Err(self.out_of_step()) };
        *bytes = first.to_vec();
        Ok(())
    }

    fn barrier(&self) -> Result<(), CollectiveError> {
        self.exchange(Message::Bytes(Arc::from([]))).map(|_| ())
    }

    fn abort(&self, _exit_code: i32) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `body` gives on each rank.
    fn on_ranks<R: Send>(size: usize, body: impl Fn(Threads) -> R + Sync) -> Vec<R> {
        std::thread::scope(|scope| {
            let body = &body;
            let threads: Vec<_> =
                Threads::ranks(size).into_iter().map(|rank| scope.spawn(move || body(rank))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn every_rank_has_the_same_sums_and_parts() {
        for size in [1, 2, 5] {
            let results = on_ranks(size, |ranks| {
                let own = ranks.rank() as f32 + 0.1;
                let gathered = ranks.all_gather(&[own, -own]).unwrap();
                let mut sum = [own, 1.0];
                ranks.all_reduce_sum(&mut sum).unwrap();
                let mut double = [f64::from(own)];
                ranks.all_reduce_sum_f64(&mut double).unwrap();
                let mut bytes = vec![ranks.rank() as u8; ranks.rank() + 3];
                ranks.broadcast(&mut bytes).unwrap();
                ranks.barrier().unwrap();
                (gathered, sum, double, bytes)
            });
            let owns: Vec<f32> = (0..size).map(|rank| rank as f32 + 0.1).collect();
            let (gathered, sum, double, bytes) = &results[0];
            assert_eq!(*gathered, owns.iter().flat_map(|own| [*own, -own]).collect::<Vec<_>>());
            assert_eq!(*sum, [owns.iter().sum::<f32>(), size as f32]);
            assert_eq!(*double, [owns.iter().map(|own| f64::from(*own)).sum::<f64>()]);
            assert_eq!(*bytes, [0, 0, 0]);
            assert!(results.iter().all(|result| *result == results[0]), "{size} ranks differ");
        }
    }

    #[test]
    fn a_rank_that_has_ended_is_an_error_of_the_others() {
        let results = on_ranks(3, |ranks| {
            if ranks.rank() == 1 {
                return None;
            }
            Some((0..2).find_map(|_| ranks.barrier().err()).expect("a rank is missing").to_string())
        });
        // Which of the others is missed first depends on the threads.
        let error = results[0].as_deref().unwrap_or_default();
        assert!(error.starts_with("rank 0 of 3: ") && error.ends_with(" has ended"), "{error}");
    }

    #[test]
    fn ranks_at_different_operations_are_an_error() {
        let results = on_ranks(2, |ranks| match ranks.rank() {
            0 => ranks.all_reduce_sum(&mut [1.0]).is_err(),
            _ => ranks.all_reduce_sum(&mut [1.0, 2.0]).is_err(),
        });
        assert_eq!(results, [true, true]);
    }
}
