use candle_core::{Result, Var};

use super::Scope;

/// A copy of a network that follows it slowly: `copy = momentum copy + (1 - momentum) network` (BYOL, equation 1).
///
/// Its tensors are buffers of the parameter store, so checkpoints hold them and gradients do not move them. Running
/// statistics of its batch norms are its own.
pub struct MovingTarget<N> {
    network: N,
    followed: Vec<(Var, Var)>,
}

impl<N> MovingTarget<N> {
    /// The network that `build` makes below `name`, with the values of the one at the absolute name `source`.
    ///
    /// # Errors
    /// When the networks differ, or the device has no memory for it.
    pub fn new(
        scope: &mut Scope,
        name: &str,
        source: &str,
        build: impl FnOnce(&mut Scope) -> Result<N>,
    ) -> Result<Self> {
        let mut place = scope.frozen_child(name);
        let network = build(&mut place)?;
        let followed = place.counterparts(source)?;
        for (original, copy) in &followed {
            copy.set(&original.as_detached_tensor())?;
        }
        Ok(Self { network, followed })
    }

    /// The copy.
    pub fn network(&self) -> &N {
        &self.network
    }

    /// Moves the copy towards the network; `momentum` is in [0, 1].
    ///
    /// # Errors
    /// When a device fails.
    pub fn follow(&self, momentum: f64) -> Result<()> {
        for (original, copy) in &self.followed {
            let kept = (copy.as_detached_tensor() * momentum)?;
            copy.set(&(kept + (original.as_detached_tensor() * (1.0 - momentum))?)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::super::{Linear, ParameterStore};
    use super::*;

    #[test]
    fn a_copy_starts_equal_follows_and_gets_no_gradient() {
        let mut store = ParameterStore::new(3, &Device::Cpu);
        let mut root = store.root();
        let online = Linear::new(2, 3, &mut root.child("online")).unwrap();
        let target = MovingTarget::new(&mut root.child("method"), "target", "online", |scope| Linear::new(2, 3, scope));
        let target = target.unwrap();
        let x = Tensor::new(&[[1f32, -2.0]], &Device::Cpu).unwrap();
        let both = || [&online, target.network()].map(|net| net.forward(&x).unwrap().to_vec2::<f32>().unwrap());
        assert_eq!(both()[0], both()[1]);
        assert!(store.buffers().contains_key("method.target.weight"));
        assert!(!store.trained().contains_key("method.target.weight"));
        let bias = &store.trained()["online.bias"];
        bias.set(&(bias.as_detached_tensor() + 1.0).unwrap()).unwrap();
        target.follow(0.75).unwrap();
        let [after, followed] = both();
        let gap: Vec<f32> = after[0].iter().zip(&followed[0]).map(|(a, b)| a - b).collect();
        assert!(gap.iter().all(|gap| (gap - 0.75).abs() < 1e-6), "{gap:?}");
    }

    #[test]
    fn a_network_of_another_form_is_refused() {
        let mut store = ParameterStore::new(3, &Device::Cpu);
        let mut root = store.root();
        Linear::new(2, 3, &mut root.child("online")).unwrap();
        let target = MovingTarget::new(&mut root, "target", "online", |scope| Linear::without_bias(2, 3, scope));
        assert!(target.err().unwrap().to_string().contains("'online.bias' has no counterpart"));
    }
}
