//! Which names a file may have: they go to terminals, into error messages and into generated code.

/// Whether a character is not seen, or changes how others are: controls, line ends, formats (which turn the direction of a
/// line, join or hide) and tags. A name has none of them.
pub fn is_hidden(character: char) -> bool {
    let formats = matches!(
        character,
        '\u{AD}'
            | '\u{34F}'
            | '\u{600}'..='\u{605}'
            | '\u{61C}'
            | '\u{6DD}'
            | '\u{70F}'
            | '\u{890}'..='\u{891}'
            | '\u{8E2}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{110BD}'
            | '\u{110CD}'
            | '\u{13430}'..='\u{1343F}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    );
    formats || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::is_hidden;

    #[test]
    fn letters_of_all_scripts_are_seen_and_what_steers_a_terminal_is_hidden() {
        for name in ["features.0/conv+relu", "Tür 2", "层", "طبقة", "камера_из_объекта", "a'b\"c\\d{}", "é"]
        {
            assert!(!name.chars().any(is_hidden), "{name:?}");
        }
        for name in [
            "a\nb",
            "\r",
            "\t",
            "\0",
            "\x1b[31m",
            "\x7f",
            "\u{9b}31m",
            "\u{85}",
            "\u{2028}",
            "\u{202e}gnp.exe",
            "a\u{200b}b",
            "\u{2066}",
            "\u{feff}",
            "\u{ad}",
            "\u{e0041}",
            "\u{fe0f}",
        ] {
            assert!(name.chars().any(is_hidden), "{name:?}");
        }
    }
}
