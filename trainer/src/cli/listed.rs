//! Options of methods, sources and encoders, as the commands that list them print them.

use serde_json::{Value, json};

use crate::options::ConfigOption;

pub(super) fn option_as_json(section: &str, option: &ConfigOption) -> Value {
    json!({
        "key": format!("{section}.{}", option.key),
        "default": option.default_value(),
        "allowed": option.allowed(),
        "help": option.help,
    })
}

pub(super) fn option_as_text(section: &str, option: &ConfigOption) -> String {
    let default = option.default_value().to_string();
    format!("    {section}.{:<26} {:<14} {} ({})\n", option.key, default, option.help, option.allowed())
}
