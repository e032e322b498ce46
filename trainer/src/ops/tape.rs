//! Gradients of an encoder without candle's book-keeping.
//!
//! candle's backward pass adds every gradient to a tensor of zeros first: two more passes over memory for each
//! activation of the network. While a [`Recording`] is on, operators that run inside [`record`] are noted here instead.
//! What [`record`] returns are new variables to candle; [`Recording::finish`] goes on from their gradients, through
//! the operators that were noted, last first, to those of the weights.
//!
//! An operator takes part when it is made in one of three ways, from any crate:
//!
//! - with a kernel of its own: a `CustomOp1`, `CustomOp2` or `CustomOp3` of candle with `cpu_fwd` and `bwd`, by [`apply1`],
//!   [`apply2`] or [`apply3`]; [`wants_gradient`] tells `bwd` which gradients nobody will read,
//! - out of candle's operators, with a gradient that is written by hand, by [`composed`],
//! - out of candle's operators alone, by [`differentiated`], for small tensors such as filters: candle keeps its books for
//!   this one operator.
//!
//! All of them also work where nothing is recorded, under candle's book-keeping. An operator of candle that is called
//! plainly inside [`record`] is refused, since its gradient would be lost.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;

use candle_core::backprop::GradStore;
use candle_core::{CustomOp1, CustomOp2, CustomOp3, Result, Tensor, TensorId, Var, bail};

thread_local! {
    static TAPE: RefCell<Option<Tape>> = const { RefCell::new(None) };
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The body of [`record`] runs while this is there; a panic in it ends that too.
struct Inside;

impl Inside {
    fn enter() -> Self {
        INSIDE.set(true);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

#[derive(Default)]
struct Tape {
    nodes: Vec<Node>,
    /// Results of the operators that were noted.
    outputs: HashSet<TensorId>,
    /// Variables that candle sees, and the results that they are copies of.
    leaves: Vec<(Tensor, TensorId)>,
}

/// From the inputs, the result and its gradient to the gradients of the inputs.
type Backward = Box<dyn Fn(&[Tensor], &Tensor, &Tensor) -> Result<Vec<Option<Tensor>>>>;

struct Node {
    inputs: Vec<Tensor>,
    output: Tensor,
    backward: Backward,
}

/// One step's notes. Dropped without [`Self::finish`], they are forgotten.
#[must_use = "without `finish` the weights inside get no gradient"]
pub struct Recording {
    /// The notes belong to the thread.
    thread: PhantomData<*const ()>,
}

impl Recording {
    /// Notes what runs inside [`record`] on this thread from now on.
    pub fn start() -> Self {
        TAPE.set(Some(Tape::default()));
        Self { thread: PhantomData }
    }

    /// Adds the gradients of all variables that were read inside [`record`].
    ///
    /// # Errors
    /// When an operator's backward pass fails.
    pub fn finish(self, gradients: &mut GradStore) -> Result<()> {
        let (mut nodes, leaves) = TAPE.with_borrow_mut(|tape| {
            let tape = tape.as_mut().expect("a recording is on");
            (std::mem::take(&mut tape.nodes), std::mem::take(&mut tape.leaves))
        });
        let mut inner: HashMap<TensorId, Tensor> = HashMap::new();
        for (leaf, output) in leaves {
            if let Some(gradient) = gradients.remove(&leaf) {
                add(&mut inner, output, gradient.detach())?;
            }
        }
        // Each node is dropped with its activations as soon as it has been gone through.
        while let Some(Node { inputs, output, backward }) = nodes.pop() {
            let Some(gradient) = inner.remove(&output.id()) else { continue };
            for (input, gradient) in inputs.iter().zip(backward(&inputs, &output, &gradient)?) {
                match gradient {
                    Some(gradient) if is_noted(input) => add(&mut inner, input.id(), gradient)?,
                    Some(gradient) if input.is_variable() => add_gradient(gradients, input, gradient)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        TAPE.set(None);
    }
}

/// Adds one more gradient by a variable to those that it has.
///
/// # Errors
/// When shapes differ.
pub fn add_gradient(gradients: &mut GradStore, variable: &Tensor, gradient: Tensor) -> Result<()> {
    let sum = match gradients.remove(variable) {
        None => gradient,
        Some(earlier) => (earlier + gradient)?,
    };
    gradients.insert(variable, sum);
    Ok(())
}

fn add(sums: &mut HashMap<TensorId, Tensor>, id: TensorId, gradient: Tensor) -> Result<()> {
    let sum = match sums.remove(&id) {
        None => gradient,
        Some(earlier) => (earlier + gradient)?,
    };
    sums.insert(id, sum);
    Ok(())
}

/// Runs `body`, whose operators are noted if a [`Recording`] is on; its results are variables then.
///
/// # Errors
/// When `body` fails, or something inside is not an operator of this crate.
pub fn record<const N: usize>(body: impl FnOnce() -> Result<[Tensor; N]>) -> Result<[Tensor; N]> {
    if TAPE.with_borrow(Option::is_none) || INSIDE.get() {
        return body();
    }
    let inside = Inside::enter();
    let results = body()?;
    drop(inside);
    let mut variables = Vec::with_capacity(N);
    for result in &results {
        if !is_noted(result) {
            bail!("the result {:?} was not made by a recorded operator", result.shape());
        }
        let variable = Var::from_tensor(result)?.into_inner();
        TAPE.with_borrow_mut(|tape| {
            tape.as_mut().expect("a recording is on").leaves.push((variable.clone(), result.id()));
        });
        variables.push(variable);
    }
    Ok(std::array::from_fn(|i| variables[i].clone()))
}

fn is_noted(tensor: &Tensor) -> bool {
    TAPE.with_borrow(|tape| tape.as_ref().is_some_and(|tape| tape.outputs.contains(&tensor.id())))
}

/// Whether a gradient by a tensor leads to a variable.
pub fn wants_gradient(tensor: &Tensor) -> bool {
    tensor.track_op() || is_noted(tensor)
}

fn note(inputs: &[&Tensor], output: Tensor, backward: Backward) -> Result<Tensor> {
    if let Some(foreign) = inputs.iter().find(|x| x.track_op() && !x.is_variable() && !is_noted(x)) {
        bail!("a recorded operator reads {:?}, which an operator made that is not recorded", foreign.shape());
    }
    let inputs = inputs.iter().map(|&input| input.clone()).collect();
    TAPE.with_borrow_mut(|tape| {
        let tape = tape.as_mut().expect("a recording is on");
        tape.outputs.insert(output.id());
        tape.nodes.push(Node { inputs, output: output.clone(), backward });
    });
    Ok(output)
}

/// `op(x)`, noted or under candle's book-keeping; `x` has the layout that the operator asks for.
///
/// # Errors
/// When the operator fails, or candle made an input inside of a recording.
pub fn apply1<C: CustomOp1 + Send + Sync + 'static>(x: &Tensor, op: C) -> Result<Tensor> {
    if !INSIDE.get() {
        return x.apply_op1(op);
    }
    let y = x.apply_op1_no_bwd(&op)?;
    note(&[x], y, Box::new(move |x, y, gradient| Ok(vec![op.bwd(&x[0], y, gradient)?])))
}

/// `op(a, b)`, as [`apply1`].
///
/// # Errors
/// As [`apply1`].
pub fn apply2<C: CustomOp2 + Send + Sync + 'static>(a: &Tensor, b: &Tensor, op: C) -> Result<Tensor> {
    if !INSIDE.get() {
        return a.apply_op2(b, op);
    }
    let y = a.apply_op2_no_bwd(b, &op)?;
    let backward = move |x: &[Tensor], y: &Tensor, gradient: &Tensor| {
        let (by_a, by_b) = op.bwd(&x[0], &x[1], y, gradient)?;
        Ok(vec![by_a, by_b])
    };
    note(&[a, b], y, Box::new(backward))
}

/// `op(a, b, c)`, as [`apply1`].
///
/// # Errors
/// As [`apply1`].
pub fn apply3<C: CustomOp3 + Send + Sync + 'static>(a: &Tensor, b: &Tensor, c: &Tensor, op: C) -> Result<Tensor> {
    if !INSIDE.get() {
        return a.apply_op3(b, c, op);
    }
    let y = a.apply_op3_no_bwd(b, c, &op)?;
    let backward = move |x: &[Tensor], y: &Tensor, gradient: &Tensor| {
        let (by_a, by_b, by_c) = op.bwd(&x[0], &x[1], &x[2], y, gradient)?;
        Ok(vec![by_a, by_b, by_c])
    };
    note(&[a, b, c], y, Box::new(backward))
}

/// Two vectors `[c]` as the rows of `[2, c]`, noted or under candle's book-keeping.
pub(super) fn stack(first: &Tensor, second: &Tensor) -> Result<Tensor> {
    let backward = |_: &[Tensor], gradient: &Tensor| Ok(vec![Some(gradient.get(0)?), Some(gradient.get(1)?)]);
    composed(&[first, second], |rows| Tensor::stack(rows, 0), backward)
}

/// What candle's own operators make of small tensors, noted or under candle's book-keeping; `backward` makes the
/// gradients of the inputs from the inputs and the gradient of the result.
///
/// # Errors
/// When `forward` fails, or candle made an input inside of a recording.
pub fn composed(
    inputs: &[&Tensor],
    forward: impl Fn(&[Tensor]) -> Result<Tensor>,
    backward: impl Fn(&[Tensor], &Tensor) -> Result<Vec<Option<Tensor>>> + 'static,
) -> Result<Tensor> {
    if !INSIDE.get() {
        return forward(&inputs.iter().map(|&input| input.clone()).collect::<Vec<_>>());
    }
    let y = forward(&inputs.iter().map(|input| input.detach()).collect::<Vec<_>>())?;
    note(inputs, y, Box::new(move |inputs, _, gradient| backward(inputs, gradient)))
}

/// What candle's own operators make of small tensors, noted or under candle's book-keeping; candle makes the gradients, of
/// what `forward` does again in the backward pass.
///
/// # Errors
/// As [`composed`].
pub fn differentiated(
    inputs: &[&Tensor],
    forward: impl Fn(&[Tensor]) -> Result<Tensor> + Clone + 'static,
) -> Result<Tensor> {
    let again = forward.clone();
    composed(inputs, forward, move |inputs, gradient| {
        let variables = inputs.iter().map(|input| Var::from_tensor(&input.detach())).collect::<Result<Vec<_>>>()?;
        let tensors: Vec<Tensor> = variables.iter().map(|variable| variable.as_tensor().clone()).collect();
        let gradients = (again(&tensors)? * gradient.detach())?.sum_all()?.backward()?;
        Ok(tensors.iter().map(|tensor| gradients.get(tensor).map(Tensor::detach)).collect())
    })
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use candle_core::Device;

    use super::*;
    use crate::ops::relu;

    fn variable() -> Var {
        Var::from_vec(vec![-1.0f32, 2.0], 2, &Device::Cpu).unwrap()
    }

    #[test]
    fn gradients_go_through_what_was_recorded() {
        let x = variable();
        let recording = Recording::start();
        let [y] = record(|| Ok([relu(&x)?])).unwrap();
        let mut gradients = (&y * 3.0).unwrap().sum_all().unwrap().backward().unwrap();
        recording.finish(&mut gradients).unwrap();
        assert_eq!(gradients.get(&x).unwrap().to_vec1::<f32>().unwrap(), [0.0, 3.0]);
    }

    #[test]
    fn candle_differentiates_what_has_no_gradient_of_its_own() {
        let turned = |x: &[Tensor]| (x[0].flip(&[0])? * &x[1])?.sqr();
        let values = |recorded: bool| {
            let (x, y) = (variable(), Var::from_vec(vec![3.0f32, 0.5], 2, &Device::Cpu).unwrap());
            let recording = recorded.then(Recording::start);
            let [z] = record(|| Ok([differentiated(&[&relu(&x)?, &y], turned)?])).unwrap();
            let mut gradients = (z * 0.5).unwrap().sum_all().unwrap().backward().unwrap();
            if let Some(recording) = recording {
                recording.finish(&mut gradients).unwrap();
            }
            [&x, &y].map(|variable| gradients.get(variable).unwrap().to_vec1::<f32>().unwrap())
        };
        // z = (2, 0) * (3, 0.5), squared.
        assert_eq!(values(true), [vec![0.0, 18.0], vec![12.0, 0.0]]);
        assert_eq!(values(true), values(false));
    }

    #[test]
    fn neither_an_error_nor_a_panic_inside_leaves_the_recording_of_operators_on() {
        let failures: [fn() -> Result<[Tensor; 1]>; 2] = [|| bail!("refused"), || panic!("a kernel's assertion")];
        for failure in failures {
            let x = variable();
            let recording = Recording::start();
            let outcome = catch_unwind(AssertUnwindSafe(|| record(failure)));
            assert!(!matches!(outcome, Ok(Ok(_))));
            assert!(!INSIDE.get());
            drop(recording);
            // Outside of a recording an operator is candle's to go back through.
            let gradients = relu(&x).unwrap().sum_all().unwrap().backward().unwrap();
            assert_eq!(gradients.get(&x).unwrap().to_vec1::<f32>().unwrap(), [0.0, 1.0]);
        }
    }
}
