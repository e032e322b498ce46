use clap::{Args, ValueEnum};
use sextant_export::quantize::{Calibration, Quantizer};

/// How to quantise.
#[derive(Debug, Args)]
pub struct QuantizerArguments {
    /// How the range of each value is chosen.
    #[arg(long, value_enum, default_value = "mse")]
    calibration: CalibrationArgument,
    /// Whether channels are balanced between layers first; `auto` keeps what drifts less.
    #[arg(long, value_enum, default_value = "auto")]
    equalize: EqualizeArgument,
    /// Do not correct biases for what rounding does to the weights.
    #[arg(long)]
    no_bias_correction: bool,
    /// Give weights seven bits: ONNX Runtime on x86 without VNNI then adds products without saturating.
    #[arg(long)]
    reduce_range: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CalibrationArgument {
    /// All of the range.
    MinMax,
    /// All but one number of 10,000 at each end.
    Percentile,
    /// The least mean squared error.
    Mse,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EqualizeArgument {
    Auto,
    On,
    Off,
}

impl QuantizerArguments {
    /// A flag that asks for something, where nothing is quantised.
    pub fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--calibration", !matches!(self.calibration, CalibrationArgument::Mse)),
            ("--equalize", !matches!(self.equalize, EqualizeArgument::Auto)),
            ("--no-bias-correction", self.no_bias_correction),
            ("--reduce-range", self.reduce_range),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }

    pub fn quantizer(&self) -> Quantizer {
        Quantizer {
            calibration: match self.calibration {
                CalibrationArgument::MinMax => Calibration::MinMax,
                CalibrationArgument::Percentile => Calibration::Percentile,
                CalibrationArgument::Mse => Calibration::MeanSquaredError,
            },
            reduce_range: self.reduce_range,
            bias_correction: !self.no_bias_correction,
            equalization: match self.equalize {
                EqualizeArgument::Auto => None,
                EqualizeArgument::On => Some(true),
                EqualizeArgument::Off => Some(false),
            },
        }
    }
}
