//! Lines of text without `core::fmt`, whose code is larger than the engine's and can panic.

use crate::semihosting::write_byte;

/// Writes the text.
pub fn text(text: &str) {
    text.bytes().for_each(write_byte);
}

/// Writes the number in decimal digits.
pub fn number(number: u64) {
    let mut digits = [0u8; 20];
    let mut rest = number;
    let mut used = 0;
    for digit in &mut digits {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    digits.iter().take(used).rev().for_each(|digit| write_byte(*digit));
}

/// Writes a number of thousandths as a decimal fraction.
pub fn thousandths(number: u64) {
    self::number(number / 1000);
    write_byte(b'.');
    // Divisors that are constants: others could be zero, and code that can panic would be linked.
    for digit in [number / 100 % 10, number / 10 % 10, number % 10] {
        write_byte(b'0' + digit as u8);
    }
}

/// A line with a name and a number.
pub fn line(name: &str, value: u64) {
    text(name);
    text(" ");
    number(value);
    text("\n");
}

/// A line with a name and a word.
pub fn word(name: &str, value: &str) {
    text(name);
    text(" ");
    text(value);
    text("\n");
}
