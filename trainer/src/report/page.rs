//! The HTML around everything.

use std::fmt::Write;

use super::picture::data_uri;

/// A growing page.
#[derive(Default)]
pub struct Page {
    body: String,
}

const STYLE: &str = "body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:64rem;color:#1b1b1f;\
background:#fff}h1,h2,h3{line-height:1.2}h2{border-top:1px solid #ccc;padding-top:1rem;overflow-wrap:anywhere}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
td,th{padding:.2rem .6rem;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}\
td:first-child,th:first-child{text-align:left;white-space:normal}svg{width:100%;height:auto;display:block}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:1rem;align-items:start;\
margin:.6rem 0}summary{cursor:pointer;font-weight:600;margin:.6rem 0}\
.strip{display:flex;flex-wrap:wrap;gap:.4rem;margin:.3rem 0 1rem}figure{margin:0;width:5.5rem;font-size:.75rem;line-height:1.2}\
figcaption{padding-top:.3rem}figure img{width:100%;image-rendering:auto;border-radius:4px;display:block}figure.query img{outline:3px solid #c2410c}\
p.note{color:#555;margin:.2rem 0 .6rem}@media(max-width:34rem){td,th{padding:.15rem .3rem;font-size:.8rem}\
.strip{gap:.25rem}figure{width:calc((100% - 1rem)/5);font-size:.65rem}}\
@media(prefers-color-scheme:dark){body{background:#16161a;color:#e6e6ea}\
td,th{border-color:#333}h2{border-color:#444}p.note{color:#aaa}svg{background:#fff;border-radius:4px}}";

impl Page {
    /// A heading of level 1 to 3.
    pub fn heading(&mut self, level: usize, text: &str) {
        self.add(&format!("<h{level}>{}</h{level}>\n", escape(text)));
    }

    /// An explanation.
    pub fn note(&mut self, text: &str) {
        self.add(&format!("<p class=\"note\">{}</p>\n", escape(text)));
    }

    /// A table; the first row is the header, the first column names the rows.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        self.add("<div class=\"wide\"><table>\n");
        for (index, row) in rows.iter().enumerate() {
            let tag = if index == 0 { "th" } else { "td" };
            let cells: String = row.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect();
            self.add(&format!("<tr>{cells}</tr>\n"));
        }
        self.add("</table></div>\n");
    }

    /// Drawings as SVG, as many beside one another as the screen has room for.
    pub fn charts(&mut self, drawings: &[String]) {
        self.add("<div class=\"charts\">\n");
        for drawing in drawings {
            self.add(&format!("<div>{drawing}</div>\n"));
        }
        self.add("</div>\n");
    }

    /// Another page's contents, folded away below their name.
    pub fn folded(&mut self, name: &str, contents: Self) {
        self.add(&format!("<details><summary>{}</summary>\n{}</details>\n", escape(name), contents.body));
    }

    /// Pictures beside one another; the first is what the others answer.
    pub fn strip(&mut self, pictures: &[Picture]) {
        self.add("<div class=\"strip\">");
        for picture in pictures {
            let class = if picture.is_query { " class=\"query\"" } else { "" };
            let (source, caption) = (&picture.data_uri, escape(&picture.caption));
            self.add(&format!(
                "<figure{class}><img alt=\"{caption}\" src=\"{source}\"><figcaption>{caption}</figcaption></figure>"
            ));
        }
        self.add("</div>\n");
    }

    /// Another page's contents.
    pub fn append(&mut self, other: Self) {
        self.add(&other.body);
    }

    /// The whole file.
    pub fn finish(self, title: &str) -> String {
        let mut html = String::with_capacity(self.body.len() + 2000);
        let _ = write!(
            html,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title>\
             <style>{STYLE}</style></head><body>\n{}</body></html>\n",
            escape(title),
            self.body
        );
        html
    }

    fn add(&mut self, html: &str) {
        self.body.push_str(html);
    }
}

/// A photograph with words below it.
pub struct Picture {
    /// A `data:` URI.
    pub data_uri: String,
    /// What it shows.
    pub caption: String,
    /// Whether it is what the others answer.
    pub is_query: bool,
}

impl Picture {
    /// Of `[size, size, 3]` sRGB bytes.
    ///
    /// # Errors
    /// When the bytes are no square picture of that size.
    pub fn new(rgb: &[u8], size: usize, caption: String) -> anyhow::Result<Self> {
        Ok(Self { data_uri: data_uri(rgb, size)?, caption, is_query: false })
    }

    /// The same, as what the others answer.
    pub fn into_query(self) -> Self {
        Self { is_query: true, ..self }
    }
}

/// Text that HTML shows as it is.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
