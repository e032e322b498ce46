use core::fmt;

/// Why an operator does not take its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeError {
    /// The number of inputs, their ranks or their extents.
    Inputs,
    /// An input has another element type than the operator reads.
    InputType,
    /// The weight's shape.
    Weight,
    /// The bias's shape.
    Bias,
    /// The number of channel groups.
    Groups,
    /// Filters of which only the base ones are stored, for an operator that does not expand them.
    Expansion,
    /// The window, its stride or its padding.
    Window,
    /// The range of channels.
    Channels,
    /// The range of rows.
    Rows,
    /// A mean or standard deviation is not finite, or a standard deviation is not positive.
    Normalization,
    /// The result is empty or too large.
    Size,
    /// An activation's bounds are not finite or not in order.
    Activation,
    /// An axis that the input does not have, or has twice.
    Axes,
    /// Scales or zero points that the operator cannot work with.
    Scales,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inputs => "the operator does not take inputs of this number or these shapes",
            Self::InputType => "the operator does not take inputs of this element type",
            Self::Weight => "the weight's shape does not fit the inputs",
            Self::Bias => "the bias's shape does not fit the weight",
            Self::Groups => "the channels do not divide into the groups",
            Self::Expansion => "only a convolution of one group expands filters",
            Self::Window => "the window, its stride or its padding does not fit the map",
            Self::Channels => "the range of channels is empty or outside the input",
            Self::Rows => "the range of rows is empty or outside the map",
            Self::Normalization => "mean and standard deviation must be finite, and the latter positive",
            Self::Size => "the result is empty or too large",
            Self::Activation => "an activation's bounds must be finite and in order",
            Self::Axes => "the operator names an axis that the input does not have, or one twice",
            Self::Scales => "the operator cannot work with these scales and zero points",
        })
    }
}

impl core::error::Error for ShapeError {}
