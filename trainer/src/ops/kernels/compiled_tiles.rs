//! A vector register and its register tiles, written once and compiled for each instruction set.

/// Makes `Register` of a processor's own vector of single-precision numbers, a [`Lanes`](super::lanes::Lanes).
macro_rules! register {
    (
        $raw:ident of $set:ident, $count:literal numbers,
        $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident,
        |$factor:ident, $other:ident, $addend:ident| $mul_add:expr $(,)?
    ) => {
        #[derive(Clone, Copy)]
        struct Register($raw);

        impl $crate::ops::kernels::lanes::Lanes for Register {
            type Set = $set;

            const COUNT: usize = $count;

            #[inline(always)]
            fn splat(_: $set, value: f32) -> Self {
                // SAFETY: the argument is proof of the instruction set.
                Register(unsafe { $splat(value) })
            }

            #[inline(always)]
            unsafe fn load(_: $set, from: *const f32) -> Self {
                // SAFETY: the argument is proof of the instruction set, and the numbers are readable by the trait's contract.
                Register(unsafe { $load(from) })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: a register is proof of its instruction set, and the numbers are writable by the trait's contract.
                unsafe { $store(to, self.0) }
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                let ($factor, $other, $addend) = (self.0, factor.0, addend.0);
                // SAFETY: a register is proof of its instruction set.
                Register(unsafe { $mul_add })
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: a register is proof of its instruction set.
                Register(unsafe { $add(self.0, other.0) })
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: a register is proof of its instruction set.
                Register(unsafe { $sub(self.0, other.0) })
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: a register is proof of its instruction set.
                Register(unsafe { $mul(self.0, other.0) })
            }
        }
    };
}

/// The [`TileKernels`](super::tile::TileKernels) of one register type: the loops of `tile` and `winograd_transforms`, each
/// in a function that is compiled for the register's instruction set, where `proof` can be had.
macro_rules! compiled_tiles {
    (
        $register:ty, $instruction_set:expr, proof: $proof:expr,
        rows: $rows:literal, registers_in_a_row: [$wide:literal, $narrow:literal]
        $(, #[$compiled_for:meta])? $(,)?
    ) => {{
        use $crate::ops::kernels::lanes::Lanes;
        use $crate::ops::kernels::tile::{self, PixelWalk, Segments, Tile, TileKernels};
        use $crate::ops::kernels::winograd_transforms::{self as winograd, Channels, Transforms};

        /// # Safety
        /// See [`tile::ProductFn`].
        $(#[$compiled_for])?
        unsafe fn product<const REGISTERS: usize>(
            a: *const f32,
            a_offsets: *const usize,
            walk: Segments,
            b: *const f32,
            c: *mut f32,
            c_offsets: *const usize,
        ) {
            // SAFETY: the caller keeps the same contract.
            unsafe { tile::product::<$register, $rows, REGISTERS>($proof, a, a_offsets, walk, b, c, c_offsets) }
        }

        /// # Safety
        /// See [`tile::OuterFn`].
        $(#[$compiled_for])?
        unsafe fn outer<const REGISTERS: usize>(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
            // SAFETY: the caller keeps the same contract.
            unsafe { tile::outer::<$register, $rows, REGISTERS>($proof, a, walk, b, c) }
        }

        /// # Safety
        /// See [`winograd::GatherFn`].
        $(#[$compiled_for])?
        unsafe fn input(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
            // SAFETY: the caller keeps the same contract.
            unsafe { winograd::input::<$register>($proof, pixels, points, point_stride, channels) }
        }

        /// # Safety
        /// See [`winograd::ScatterFn`].
        $(#[$compiled_for])?
        unsafe fn output(points: *const f32, point_stride: usize, pixels: *const *mut f32, channels: usize) {
            // SAFETY: the caller keeps the same contract.
            unsafe { winograd::output::<$register>($proof, points, point_stride, pixels, channels) }
        }

        /// # Safety
        /// See [`winograd::GatherFn`].
        $(#[$compiled_for])?
        unsafe fn gradient(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
            // SAFETY: the caller keeps the same contract.
            unsafe { winograd::gradient::<$register>($proof, pixels, points, point_stride, channels) }
        }

        let columns = <$register as Lanes>::COUNT;
        TileKernels {
            instruction_set: $instruction_set,
            rows: $rows,
            wide: Tile { columns: $wide * columns, product: product::<$wide>, outer: outer::<$wide> },
            narrow: Tile { columns: $narrow * columns, product: product::<$narrow>, outer: outer::<$narrow> },
            winograd: Transforms { input, output, gradient },
        }
    }};
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) use register;

pub(super) use compiled_tiles;
