//! What follows from the table of operators: the types, the bytes of a file, and a way to ask each operator.

/// Makes [`Op`](super::Op), [`OperatorKind`](super::OperatorKind) and one struct for each operator of a table of
/// `code => Name { parameter: Type = offset }`, what reads and writes them, and the macro `each_operator`, which asks an
/// [`Op`](super::Op) as the struct that it is.
macro_rules! operators {
    // The first `$` is for the macro that this one makes.
    (
        $d:tt
        $(#[$doc:meta])* pub enum Op;
        $(
            $(#[$operator_doc:meta])*
            $code:literal => $name:ident $({
                $($(#[$field_doc:meta])* $field:ident: $type:ty = $offset:expr,)+
            })?,
        )+
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Op {
            $($(#[$operator_doc])* $name $({ $($(#[$field_doc])* $field: $type,)+ })?,)+
        }

        /// An operator without its parameters; the numbers are those of the model file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum OperatorKind {
            $($name = $code,)+
            // In a file these three are what they are a case of.
            /// A [`OperatorKind::Conv2d`] of which only the base filters are stored.
            ExpandedConv2d = 29,
            /// A [`OperatorKind::QuantizeImage`] of some rows of the image.
            QuantizeRows = 30,
            /// An int8 [`OperatorKind::Conv2d`] with one filter per channel.
            Depthwise = 31,
        }

        $(
            /// As in [`Op`].
            #[derive(Clone, Copy, Debug)]
            pub(crate) struct $name { $($(pub $field: $type,)+)? }

            impl Entry for $name {
                const KIND: OperatorKind = OperatorKind::$name;

                fn has_valid_parameters(&self) -> bool {
                    true $($(&& self.$field.is_valid())+)?
                }
            }

            impl From<$name> for Op {
                fn from(operator: $name) -> Self {
                    let $name { $($($field,)+)? } = operator;
                    Self::$name $({ $($field,)+ })?
                }
            }
        )+

        impl Op {
            /// The operator without its parameters.
            pub(crate) fn kind(&self) -> OperatorKind {
                match self {
                    $(Self::$name $({ $($field: _,)+ })? => OperatorKind::$name,)+
                }
            }

            /// The operator's name in the table, without its parameters.
            ///
            /// ```
            /// use sextant_runtime::graph::{OPERATOR_NAMES, Op};
            /// assert_eq!(Op::Softmax.name(), "Softmax");
            /// assert!(OPERATOR_NAMES.contains(&Op::Softmax.name()));
            /// ```
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name $({ $($field: _,)+ })? => stringify!($name),)+
                }
            }

            /// The operator of that code; whether its parameters may be is not looked at.
            fn read(code: u8, parameters: &Parameters<'_>) -> Option<Self> {
                Some(match code {
                    $($code => Self::$name $({ $($field: Parameter::read(parameters, $offset),)+ })?,)+
                    _ => return None,
                })
            }

            #[cfg(feature = "alloc")]
            fn write(&self, parameters: &mut NewParameters) {
                match self {
                    $(Self::$name $({ $($field,)+ })? => { $($($field.write(parameters, $offset);)+)? })+
                }
            }

            /// The constants that it reads, with what they are to it.
            #[cfg(feature = "alloc")]
            pub fn weights(&self) -> alloc::vec::Vec<(&'static str, WeightId)> {
                let all: &[(&'static str, Option<WeightId>)] = match self {
                    $(Self::$name $({ $($field,)+ })? => &[$($((stringify!($field), $field.weight()),)+)?],)+
                };
                all.iter().filter_map(|(name, weight)| Some((*name, (*weight)?))).collect()
            }

            /// The same operator with other constants.
            #[cfg(feature = "alloc")]
            pub fn with_weights(mut self, mut other: impl FnMut(WeightId) -> WeightId) -> Self {
                match &mut self {
                    $(Self::$name $({ $($field,)+ })? => { $($($field.change_weight(&mut other);)+)? })+
                }
                self
            }
        }

        /// What belongs to the parameters of an operator in a file.
        fn places_of(kind: OperatorKind) -> Places {
            match kind {
                $(OperatorKind::$name => const { Places::NONE $($(.and(Places::of($offset, <$type as Parameter>::BYTES)))+)? },)+
                OperatorKind::ExpandedConv2d | OperatorKind::QuantizeRows | OperatorKind::Depthwise => Places::NONE,
            }
        }

        /// The names of all operators, in the order of their codes.
        pub const OPERATOR_NAMES: &[&str] = &[$(stringify!($name),)+];

        /// Every operator of the table.
        #[cfg(all(test, feature = "alloc"))]
        pub(crate) const KINDS: &[OperatorKind] = &[$(OperatorKind::$name,)+];

        const _: () = assert!(true $(&& $code > 0 && $code < OperatorKind::ExpandedConv2d as u8)+, "a code is 1 to 28");

        /// Evaluates an expression with an operator as its own struct.
        macro_rules! each_operator {
            ($d op:expr, |$d operator:ident| $d asked:expr) => {
                match $d op {
                    $(Op::$name $({ $($field,)+ })? => {
                        let $d operator = crate::operators::$name { $($($field: *$field,)+)? };
                        $d asked
                    })+
                }
            };
        }

        /// Of each operator, what makes one that fits a first input of these extents; `None` where there is none, and of operators
        /// that read constants.
        #[cfg(all(test, feature = "alloc"))]
        pub(crate) const ARBITRARY: &[fn(&[usize], &mut Choices) -> Option<Op>] =
            &[$(|extents, choices| <$name as Operator>::arbitrary(extents, choices).map(Op::from),)+];
    };
}
