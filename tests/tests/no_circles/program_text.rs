/// The program text of a file: each character of a comment, of a text in quotes and of what only tests compile is a space,
/// so that lines and places stay.
pub fn program_text(source: &str) -> String {
    without_tests(&without_words(source))
}

const TEST: &str = "#[cfg(test)]";

/// The paths of the modules in files of their own that only tests compile, without `.rs`.
pub fn modules_of_tests(path: &str, source: &str) -> Vec<String> {
    let folder = match path.strip_suffix("mod.rs").or(path.strip_suffix("lib.rs")) {
        Some(folder) => folder.to_string(),
        None => format!("{}/", path.trim_end_matches(".rs")),
    };
    let text = without_words(source);
    let declared = |(at, _): (usize, &str)| {
        let item = &text[at..item_end(&text, at)];
        let (_, name) = item.strip_suffix(';')?.rsplit_once("mod ")?;
        Some(format!("{folder}{}", name.trim()))
    };
    text.match_indices(TEST).filter_map(declared).collect()
}

fn without_tests(text: &str) -> String {
    let mut text = text.to_string();
    while let Some(start) = text.find(TEST) {
        let end = item_end(&text, start);
        let blank = spaces(&text[start..end]);
        text.replace_range(start..end, &blank);
    }
    text
}

/// Where the item ends that starts with its attributes: at a semicolon, or with the brace that closes its body.
fn item_end(text: &str, start: usize) -> usize {
    let mut depth = 0;
    for (at, c) in text[start..].char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return start + at + 1;
                }
            }
            ';' if depth == 0 => return start + at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Without comments and texts in quotes.
fn without_words(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let length = words_length(rest, source[..source.len() - rest.len()].chars().next_back());
        match length {
            0 => {
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
            length => {
                out += &spaces(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    out
}

/// Bytes of the comment, text or character that starts here; 0 where none does.
fn words_length(text: &str, before: Option<char>) -> usize {
    let to = |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return to("*/", 2);
    }
    if text.starts_with('"') {
        return quoted_length(text);
    }
    let hashes = text.strip_prefix('r').map_or(0, |rest| rest.len() - rest.trim_start_matches('#').len());
    let is_word = before.is_some_and(|before| before.is_alphanumeric() || before == '_');
    if !is_word && text.starts_with('r') && text[1 + hashes..].starts_with('"') {
        return to(&format!("\"{}", "#".repeat(hashes)), hashes + 2);
    }
    // A character, not a lifetime.
    let mut characters = text.char_indices();
    match (characters.next(), characters.next(), characters.next()) {
        (Some((_, '\'')), Some((_, '\\')), Some(_)) => to("'", 3),
        (Some((_, '\'')), Some(_), Some((end, '\''))) => end + 1,
        _ => 0,
    }
}

fn quoted_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// As many spaces as bytes, with the line breaks.
fn spaces(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}
